"""The slow half of `evaluate`: each scan read by its model and compared with its truth, in one or more processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.evaluation.assignment import Assignment
from PDACScreeningLib.evaluation.case_result import read_case
from PDACScreeningLib.evaluation.reading_file import write_reading
from PDACScreeningLib.evaluation.settings import ReadingSettings
from PDACScreeningLib.inference.engine import Engine
from PDACScreeningLib.network.runtime import Runtime, use_threads
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.training.case_store import Case, CaseStore
from PDACScreeningLib.worker_processes import belong_to_the_parent


@dataclass(frozen=True)
class ReadingTask:
    """Everything a process needs to make one reading. made_of: what its files are bound to."""

    assignment: Assignment
    made_of: str
    store: Path
    model: Path
    weights_sha256: str
    folder: Path
    runtime: Runtime
    settings: ReadingSettings
    ensemble: EnsembleOptions
    working_spacing_mm: float | None  # of the store


def make_readings(tasks: Sequence[ReadingTask], *, jobs: int, total: int, on_progress: OnProgress) -> None:
    """Make and write readings; `total` counts those made earlier too.

    jobs: processes of one thread each; 1 reads in this process, with its threads. The hook is called within each scan
    when there is one process, and after each scan in any case; when it raises, scans under way in other processes are
    finished, the rest is dropped, and a later call goes on from there.
    """
    stage, done = "reading cases", total - len(tasks)
    on_progress(Progress(stage, done, total))
    within = (lambda _: on_progress(Progress(stage, done, total))) if jobs == 1 else ignore_progress
    with closing(_one_by_one(tasks, within) if jobs == 1 else _side_by_side(tasks, jobs)) as made:
        for _ in made:
            done += 1
            on_progress(Progress(stage, done, total))


def _one_by_one(tasks: Sequence[ReadingTask], on_progress: OnProgress) -> Generator[None]:
    for task in tasks:
        make_reading(task, on_progress)
        yield


def _side_by_side(tasks: Sequence[ReadingTask], jobs: int) -> Generator[None]:
    """At most `jobs` tasks are handed to the pool at a time: a task that waits inside the pool cannot be cancelled."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, max(1, len(tasks))), mp_context=spawn, initializer=_begin_process) as pool:
        left, running = iter(tasks), set[Future[None]]()
        try:
            while running := running | {pool.submit(make_reading, task) for task in islice(left, jobs - len(running))}:
                finished, running = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    yield
        except BrokenProcessPool as error:
            raise DataError(
                f"one of {jobs} processes was ended from outside, as happens when memory runs out; "
                "run the same command with fewer --jobs, it goes on where it stopped"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin_process() -> None:
    """One thread each."""
    belong_to_the_parent()
    os.environ["OMP_NUM_THREADS"] = "1"
    use_threads(1)


def make_reading(task: ReadingTask, on_progress: OnProgress = ignore_progress) -> None:
    """Read one case and write what was found."""
    engine = _engine(task.model, task.weights_sha256, task.runtime, task.ensemble)
    case = open_case(task.store, task.assignment.patient_id, task.assignment.case_id)
    reading = read_case(
        case.facts.case_id,
        case.ct,
        case.all_labels,
        engine,
        task.settings,
        on_progress,
        patient_id=case.facts.patient_id,
        fold=task.assignment.fold,
        traits=case.facts.traits,
        native_truth=case.native_truth,
        working_spacing_mm=task.working_spacing_mm,
    )
    write_reading(task.folder, task.assignment.name, task.made_of, reading)


def open_case(store: Path, patient_id: str, case_id: str) -> Case:
    """One case of a store. Raises DataError."""
    cases = CaseStore(store, frozenset([patient_id])).cases
    return next(case for case in cases if case.facts.case_id == case_id)


@cache
def _engine(folder: Path, _weights_sha256: str, runtime: Runtime, ensemble: EnsembleOptions) -> Engine:
    """A model is loaded once in each process, unless its weights change."""
    return load_engine(folder, runtime, ensemble).engine
