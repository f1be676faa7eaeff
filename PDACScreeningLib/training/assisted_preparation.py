"""Preparing cases on many machines that share the store: any number of helpers, then one `prepare` finds all done."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.datasets.dataset import Dataset
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.training.case_preparation import CaseTask
from PDACScreeningLib.training.preparation_record import is_prepared, prepare_or_reuse
from PDACScreeningLib.work_claim import ClaimBoard, ClaimEnd

CLAIMS = "claims"  # folder inside the store
LEASE_S = 120.0  # ours, as for a cohort (ADR 0038)
MAX_FAILED_STARTS = 3  # ours: a case that ended three helpers is left to the `prepare` that a person watches
_STAGE = "preparing cases with others"


@dataclass(frozen=True)
class Assisted:
    """What a helper did. left: cases that ended too many helpers, or were left when it was told to stop."""

    prepared: int
    left: tuple[str, ...]


def assist(
    datasets: Sequence[Dataset],
    store: Path,
    working_spacing_mm: float | None,
    *,
    is_packed: bool = False,
    hu_clip: tuple[int, int] | None = None,
    lease_s: float = LEASE_S,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: OnProgress = ignore_progress,
) -> Assisted:
    """Prepare cases of these data sets that nobody else is at, until every one is prepared; no index is written.

    The arguments are those of `prepare`, which is to be run once afterwards: it uses all that is there and intact.
    A helper may be killed at any time. Raises WriteError, and OSError when the store cannot be written.
    """
    tasks = [CaseTask(case, store, working_spacing_mm, is_packed, hu_clip) for data in datasets for case in data.cases]
    board, prepared = ClaimBoard(store / CLAIMS, lease_s), 0
    given_up: set[str] = set()
    try:
        while open_tasks := [task for task in tasks if task.case.case_id not in given_up and not is_prepared(task)]:
            on_progress(Progress(_STAGE, len(tasks) - len(open_tasks), len(tasks)))
            start, took = secrets.randbelow(len(open_tasks)), 0  # helpers begin at different places
            for task in [*open_tasks[start:], *open_tasks[:start]]:
                if should_stop():
                    return Assisted(prepared, tuple(one.case.case_id for one in tasks if not is_prepared(one)))
                if board.starts(task.case.case_id).against >= MAX_FAILED_STARTS:
                    given_up |= set() if board.is_claimed(task.case.case_id) else {task.case.case_id}
                    continue
                took += _prepare_claimed(task, board)
            prepared += took
            if not took:
                time.sleep(min(1.0, lease_s / 20))
    finally:
        board.close()
    on_progress(Progress(_STAGE, len(tasks), len(tasks)))
    return Assisted(prepared, tuple(sorted(given_up)))


def _prepare_claimed(task: CaseTask, board: ClaimBoard) -> bool:
    """Prepare a case if nobody else is at it; whether this was done here."""
    claim = board.take(task.case.case_id)
    if claim is None:
        return False
    with claim:
        if is_prepared(task):
            claim.end(ClaimEnd.WITHDRAWN)
            return False
        prepare_or_reuse(task)
        claim.end(ClaimEnd.DONE)
    return True
