"""Readings side by side: what was made stays, and a process that dies is explained."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest
from test_worker_processes import require_an_end_with_the_parent

from PDACScreeningLib.errors import Cancelled, DataError
from PDACScreeningLib.evaluation import reading_pool as reading
from PDACScreeningLib.progress import ignore_progress


def die(_task):
    os._exit(9)


def leave_a_trace(path):
    path.touch()
    time.sleep(0.5)


@pytest.mark.slow
def test_a_cancelled_evaluation_finishes_what_runs_side_by_side_and_begins_nothing_more(monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "make_reading", leave_a_trace)

    def cancel_after_one(progress):
        if progress.done == 1:
            raise Cancelled

    tasks = [tmp_path / str(number) for number in range(8)]
    with pytest.raises(Cancelled):
        reading.make_readings(tasks, jobs=2, total=8, on_progress=cancel_after_one)
    assert sorted(path.name for path in tmp_path.iterdir()) in (["0"], ["0", "1"])
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_process_that_is_ended_from_outside_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setattr(reading, "make_reading", die)
    with pytest.raises(DataError, match="when memory runs out; run the same command with fewer --jobs"):
        reading.make_readings(["a", "b"], jobs=2, total=2, on_progress=ignore_progress)


def test_a_cancelled_evaluation_stops_between_two_scans(monkeypatch):
    made = []
    monkeypatch.setattr(reading, "make_reading", lambda task, _: made.append(task))

    def cancel_after_one(progress):
        if progress.done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        reading.make_readings(["d", "e", "f"], jobs=1, total=6, on_progress=cancel_after_one)
    assert made == ["d"]


def test_progress_counts_what_was_made_earlier(monkeypatch):
    monkeypatch.setattr(reading, "make_reading", lambda task, _: None)
    seen = []
    reading.make_readings(["e", "f"], jobs=1, total=6, on_progress=seen.append)
    assert [(progress.done, progress.total) for progress in seen] == [(4, 6), (5, 6), (6, 6)]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc about processes")
def test_processes_do_not_outlive_an_evaluation_that_is_killed(tmp_path):
    pool = "from PDACScreeningLib.evaluation import reading_pool as reading\nreading.make_reading = announce"
    require_an_end_with_the_parent(
        tmp_path,
        pool,
        f"reading.make_readings([{str(tmp_path)!r}] * 2, jobs=2, total=2, on_progress=lambda _: None)",
    )
