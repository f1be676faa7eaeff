"""Planning a cohort: new scans join, known ones keep their number, and what was left out is listed with why."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.plan import LEASE_S, PLAN, Case, Plan, Settings, read_plan, write_plan
from PDACScreeningLib.cohort.scan_search import FoundScan, Search
from PDACScreeningLib.cohort.table import safe_cell
from PDACScreeningLib.errors import UsageError

LEFT_OUT = "left_out.csv"


@dataclass(frozen=True)
class Planned:
    """What planning did."""

    cases: int
    new: int
    left_out: int


def plan_cohort(folder: Path, settings: Settings, search: Search, lease_s: float | None) -> Planned:
    """Write the plan of a folder, or add scans to the one that is there and give it these settings.

    left_out.csv tells of this planning what was not taken. lease_s: None keeps what was planned. Raises UsageError when
    there is no scan at all, WriteError.
    """
    earlier = read_plan(folder) if (folder / PLAN).exists() else None
    known = earlier.cases if earlier else ()
    added = _new_cases(known, search.scans)
    if not known and not added:
        raise UsageError("no scan was found; name NIfTI, NRRD, MetaImage or ZIP files, or folders that hold CT series")
    kept = lease_s or (earlier.lease_s if earlier else LEASE_S)
    folder.mkdir(parents=True, exist_ok=True)
    write_plan(Plan(settings, (*known, *(case for case, _ in added)), kept), folder)
    cohort = CohortFolder(folder)
    for case, found in added:
        if case.listed:
            cohort.list_files(case, found.files)
    _write_left_out(folder / LEFT_OUT, search.left_out)
    return Planned(len(known) + len(added), len(added), len(search.left_out))


def _new_cases(known: Sequence[Case], scans: Sequence[FoundScan]) -> list[tuple[Case, FoundScan]]:
    places = {(case.scan, case.series) for case in known}
    new = [found for found in scans if (str(found.place), found.series) not in places]
    numbered = enumerate(new, start=len(known) + 1)
    return [(Case(number, str(found.place), found.series, bool(found.files)), found) for number, found in numbered]


def _write_left_out(path: Path, left_out: Sequence[tuple[str, str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["place", "what", "why"])
    writer.writerows([[safe_cell(cell) for cell in row] for row in left_out])
    atomic_file.write_text(path, text.getvalue())
