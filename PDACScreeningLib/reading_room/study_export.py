"""What readers of a study answered, as the four columns that R's iMRMC reads. Statistics are left to it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.reading_room.reader_log import Entry
from PDACScreeningLib.reading_room.study_plan import SESSIONS
from PDACScreeningLib.reading_room.study_start import study_key

COLUMNS = ("readerID", "caseID", "modalityID", "score")
TRUTH = "truth"  # as reader and modality of the rows that tell the truth
_TRUTHS = {"0": 0, "1": 1}


def read_truth(path: Path) -> dict[str, int]:
    """Case and truth (1 cancer, 0 none) of a CSV with the columns case and truth. Raises UsageError."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"--truth {path} cannot be read: {error}") from error
    if not rows or not {"case", "truth"} <= set(rows[0]):
        raise UsageError(f"--truth {path} needs the columns case and truth")
    if wrong := [row for row in rows if row["truth"] not in _TRUTHS or not row["case"]]:
        raise UsageError(f"--truth {path}: the truth of {wrong[0]['case']!r} must be 0 or 1")
    if len({row["case"] for row in rows}) < len(rows):
        raise UsageError(f"--truth {path} names a case twice")
    return {row["case"]: _TRUTHS[row["truth"]] for row in rows}


def export_rows(answers: Sequence[Entry], study: str, truth: Mapping[str, int]) -> list[tuple[str, str, str, int]]:
    """A row for the truth of every case that somebody answered, then a row an answer. Practice cases are left out.

    Raises UsageError when there is no answer, or the truth of a case is not known.
    """
    keys = {study_key(study, session) for session in SESSIONS}
    counted = [entry for entry in answers if entry.study in keys and not entry.content["practice"]]
    if not counted:
        raise UsageError(f"nobody has answered a case of the study {study} yet")
    cases = sorted({entry.about.case_name for entry in counted})
    if unknown := [case for case in cases if case not in truth]:
        raise UsageError(f"--truth does not name {unknown[0]}; every case that was answered needs its truth")
    if clash := [entry.reader for entry in counted if entry.reader == TRUTH]:
        raise UsageError(f"a reader is called {clash[0]}, which means the truth in this file")
    said = [
        (entry.reader, entry.about.case_name, str(entry.content["condition"]), int(entry.content["suspicion"]))
        for entry in counted
    ]
    return [*((TRUTH, case, TRUTH, truth[case]) for case in cases), *sorted(said)]


def export_csv(rows: Sequence[tuple[str, str, str, int]]) -> str:
    """The rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()
