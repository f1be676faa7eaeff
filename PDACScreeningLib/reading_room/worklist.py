"""The rows of the worklist: what the AI said of each scan, and what the reader has said so far."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from PDACScreeningLib.cohort.table import ORDER, safe_cell
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.reading_room.case_list import ListedCase
from PDACScreeningLib.reading_room.reader_log import Entry, ReaderLog

NOTE, DECISION = "note", "decision"  # kinds of entries
_FIRST = ORDER.index(Outcome.INDETERMINATE.value)
STATES = (*ORDER[:_FIRST], Outcome.FAILED.value, Outcome.CANCELLED.value, *ORDER[_FIRST:])  # in this order
_COLUMNS = (
    *("case", "label", "outcome", "reason", "score", "longest_diameter_mm", "agreement", "warnings"),
    *("my_state", "my_note", "my_outcome", "findings_i_rejected"),
)


class ReadingState(StrEnum):
    """How far a reader is with a case."""

    OPEN = "open"
    DISCUSS = "to discuss"
    READ = "read"


@dataclass(frozen=True)
class WorkRow:
    """One scan of the list. decision: the newest one of this reader, with the findings that were rejected."""

    case: ListedCase
    state: ReadingState = ReadingState.OPEN
    note: str = ""
    decision: Entry | None = None

    @property
    def my_outcome(self) -> str:
        """What the rule says without the findings that the reader rejected; empty where none was."""
        return "" if self.decision is None else str(self.decision.content.get("outcome", ""))

    @property
    def rejected(self) -> tuple[int, ...]:
        """The numbers of the findings that the reader rejected."""
        return () if self.decision is None else tuple(self.decision.content.get("rejected", ()))


def work_rows(cases: Iterable[ListedCase], log: ReaderLog) -> list[WorkRow]:
    """One row a case: those not assessed first, by kind, then by score. They add up to the cases.

    A decision counts for the result it was made about, and no longer when the scan has been screened anew.
    """
    notes, decisions = log.newest(NOTE), log.newest(DECISION)
    rows = [_row(case, notes.get(case.scan), decisions.get(case.scan)) for case in cases]
    return sorted(rows, key=lambda row: (STATES.index(row.case.row.state), -(row.case.row.score or 0), row.case.name))


def _row(case: ListedCase, note: Entry | None, decision: Entry | None) -> WorkRow:
    is_about_this = decision is not None and decision.about.result_sha256 == case.screening_sha256
    said = {} if note is None else note.content
    return WorkRow(
        case,
        ReadingState(said.get("state", ReadingState.OPEN)),
        str(said.get("note", "")),
        decision if is_about_this else None,
    )


def neighbors(rows: Sequence[WorkRow], name: str) -> tuple[str | None, str | None]:
    """The cases before and after one in the order of the list; None at its ends."""
    names = [row.case.name for row in rows]
    place = names.index(name)
    return (names[place - 1] if place else None, names[place + 1] if place + 1 < len(names) else None)


def worklist_csv(rows: Sequence[WorkRow]) -> str:
    """The list for a spreadsheet; no cell can be taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        said, label = row.case.row, row.case.title
        cells = [said.case, label, said.state, said.reason, said.score, said.longest_diameter_mm, said.agreement]
        cells += [said.warnings, row.state.value, row.note, row.my_outcome, " ".join(map(str, row.rejected))]
        writer.writerow([safe_cell(cell) for cell in cells])
    return text.getvalue()
