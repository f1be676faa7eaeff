"""The table of a cohort: one row a scan; what was not assessed comes first, and every planned scan has a row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PDACScreeningLib.cohort.folder import CohortFolder, Standing
from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.report.network_agreement import network_agreement
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.result_folder import REPORT
from PDACScreeningLib.session.stored_result import read_screening

QUARANTINED, DAMAGED, UNSEEN, WAITING = "QUARANTINED", "DAMAGED", "UNSEEN", "WAITING"
NOT_ASSESSED = (QUARANTINED, DAMAGED, UNSEEN, Outcome.REJECTED.value, Outcome.INDETERMINATE.value, WAITING)
ORDER = (*NOT_ASSESSED, Outcome.SUSPICIOUS.value, Outcome.NOT_SUSPICIOUS.value)
_UNSEEN_REASON = "the scan cannot be found from this machine"
_WAITING_REASON = "not screened yet"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """One scan of the table. What its state does not have is None or empty."""

    case: str
    state: str  # one of ORDER
    reason: str
    score: float | None = None
    findings: int | None = None
    longest_diameter_mm: float | None = None
    tumor_volume_ml: float | None = None
    agreement: str = ""
    warnings: int | None = None
    report: str = ""  # relative to the cohort's folder
    scan: str = ""  # its place, where that was asked for


def table_rows(cohort: CohortFolder, *, with_places: bool = False) -> list[Row]:
    """Every scan of the plan, sorted: not assessed ones by kind, then suspicious ones, then the others, by score.

    with_places: tell where the scans lie, which may name patients.
    """
    rows = [_row(cohort, standing, with_places=with_places) for standing in cohort.standings()]
    return sorted(rows, key=lambda row: (ORDER.index(row.state), -(row.score or 0.0), row.case))


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many scans are in each state; every state of ORDER is there, and the sum is the number of scans."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in ORDER}


def csv_text(rows: Sequence[Row], *, with_places: bool = False) -> str:
    """The table as CSV. No cell can be taken for a formula by a spreadsheet."""
    names = [name for name in Row.__dataclass_fields__ if name != "scan" or with_places]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[safe_cell(getattr(row, name)) for name in names] for row in rows])
    return text.getvalue()


def safe_cell(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value


def row_without_result(standing: Standing) -> Row:
    """The row of a scan that has no result, with why."""
    if standing.quarantine is not None:
        return Row(standing.case.id, QUARANTINED, standing.quarantine)
    if not standing.name:
        return Row(standing.case.id, UNSEEN, _UNSEEN_REASON)
    return Row(standing.case.id, WAITING, _WAITING_REASON)


def row_of_screening(case: str, screening: Screening) -> Row:
    """The row of a scan with a result."""
    counted = [finding for finding in screening.findings if not finding.left_out]
    return Row(
        case,
        screening.outcome.value,
        screening.reason,
        score=None if screening.score is None else round(screening.score, 4),
        findings=len(counted) if screening.tumor_voxels is not None else None,
        longest_diameter_mm=round(counted[0].longest_diameter_mm, 1) if counted else None,
        tumor_volume_ml=_volume_ml(screening),
        agreement=network_agreement(screening),
        warnings=len(screening.warnings),
    )


def _row(cohort: CohortFolder, standing: Standing, *, with_places: bool) -> Row:
    row = row_without_result(standing) if standing.result is None else _row_of_result(cohort, standing, standing.result)
    return replace(row, scan=standing.case.scan if with_places else "")


def _row_of_result(cohort: CohortFolder, standing: Standing, result: Path) -> Row:
    case = standing.case.id
    try:
        screening = read_screening(result)
    except ResultError as error:
        return Row(case, DAMAGED, str(error))
    if screening.outcome.value not in ORDER:  # no worker commits such a result
        return Row(case, DAMAGED, f"the result says {screening.outcome.value}")
    return replace(row_of_screening(case, screening), report=str((result / REPORT).relative_to(cohort.folder)))


def _volume_ml(screening: Screening) -> float | None:
    return None if screening.tumor_volume_mm3 is None else round(screening.tumor_volume_mm3 / 1000, 2)
