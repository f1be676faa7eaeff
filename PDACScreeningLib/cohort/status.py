"""How far a cohort is, in numbers that add up to the number of its scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.table import WAITING, counts, table_rows


@dataclass(frozen=True)
class CohortStatus:
    """The counts. at_work: of the waiting scans, those a worker is at; earlier: results that are not counted."""

    scans: int
    counts: dict[str, int]
    at_work: int
    starts: int
    earlier: int

    @property
    def left(self) -> int:
        """Scans that still wait for a worker, or for the end of its work."""
        return self.counts[WAITING]

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {**vars(self), "left": self.left}


def cohort_status(cohort: CohortFolder) -> CohortStatus:
    """Count everything now; others may be at work meanwhile."""
    board = cohort.board()
    names = [standing.name for standing in cohort.standings() if standing.name and not standing.is_settled]
    at_work = sum(board.is_claimed(name) for name in names)
    board.close()
    rows = table_rows(cohort)
    starts = sum(board.starts(standing.name).all for standing in cohort.standings() if standing.name)
    return CohortStatus(len(rows), counts(rows), at_work, starts, cohort.earlier_results())


def status_text(status: CohortStatus) -> str:
    """One line a state, then what is going on."""
    lines = [f"{number:6}  {state}" for state, number in status.counts.items() if number]
    lines.append(
        f"{status.scans:6}  scans; {status.left} left, {status.at_work} of them at work; {status.starts} starts"
    )
    if status.earlier:
        lines.append(f"{status.earlier:6}  results of other settings or of scans as they were before, not counted")
    return "\n".join(lines)
