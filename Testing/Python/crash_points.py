"""Screenings that are killed, and disks that are full: what is left in the folder, and what the next run makes of it.

    python Testing/Python/crash_points.py       all of it: 200 file operations, 100 random moments, 100 sizes

Each point is played by a process of its own in a new folder that holds an earlier result and a file of the user's.
"""

import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from sample_screenings import FAILED, SUSPICIOUS, sample_scan
from screening_inputs import write_model, write_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.errors import ResultError, WriteError
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.session import answer as answer_module
from PDACScreeningLib.session.answer import Answer, write_answer
from PDACScreeningLib.session.result_folder import RESULT_FILES
from PDACScreeningLib.session.result_place import held_place, place_of_new_run
from PDACScreeningLib.session.stored_result import read_result
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

SEED = 2019
_OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")
OLD, NEW = "of the earlier run", "of this run"


@dataclass(frozen=True)
class Found:
    """What lies in the folder after a crash (OLD, NEW, "nothing"), and whether an earlier result was moved by then."""

    standing: str
    old_is_aside: bool


def answer_of(reason: str, *, with_labels: bool = True) -> Answer:
    """A small answer that says which run it is of."""
    if not with_labels:
        return Answer(replace(FAILED, reason=reason))
    ct, labels = sample_scan()
    facts = replace(SUSPICIOUS.input, voxels_sha256=voxels_sha256(ct.hu))
    probability = np.full(ct.hu.shape, 0.25 if reason == OLD else 0.75, np.float32)
    return Answer(replace(SUSPICIOUS, reason=reason, input=facts), ct, labels, VolumePart.of(probability, ct.geometry))


def earlier(folder: Path, results: int = 1) -> Path:
    """A folder `out` with an earlier result, others before it, and a file of the user's."""
    out = folder / "out"
    for _ in range(results):
        answer_of(OLD).save(out)
    (out / "notes.txt").write_text("mine")
    return out


def run(out: Path, *, with_labels: bool = True) -> None:
    """What a screening does with its result folder."""
    with place_of_new_run(out, nullcontext, lambda _text: None):
        write_answer(answer_of(NEW, with_labels=with_labels), out, shield=nullcontext, on_progress=ignore_progress)


def child(action: Callable[[], object]) -> int:
    """A process that does something and ends: 0, or 1 when it raised."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    with suppress(BaseException):
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        action()
        code = 0
    os._exit(code)


def ended(pid: int) -> int:
    """The exit code of a process; negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_before_operation(out: Path, number: int, action: Callable[[], object]) -> bool:
    """Act in a process that is killed before its operation `number` (from 0) around `out`; False if it got by."""

    def until() -> None:
        seen = count()

        def on_event(event: str, arguments: tuple[object, ...]) -> None:
            near = event in _OPERATIONS and str(arguments[0]).startswith(str(out.parent))
            if near and next(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(on_event)
        action()

    code = ended(child(until))
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def looked_at(out: Path) -> Found:
    """What readers find before the next run; a mixture would be read, or refused as foreign, and both are wrong."""
    aside = any(out.parent.glob("out.previous*")) or (out.parent / ".out.aside").exists()
    try:
        return Found(read_result(out).screening.reason, aside)
    except ResultError:
        assert not _has(out), "a mixture"
        return Found("nothing", aside)


def require_nothing_lost(out: Path, earlier_results: int = 1) -> None:
    """After the next run has begun: every earlier result is whole; the user's file is there; nothing is left."""
    with held_place(out, nullcontext):
        pass
    assert (out / "notes.txt").read_text() == "mine"
    reasons = sorted(read_result(folder).screening.reason for folder in out.parent.glob("out*") if _has(folder))
    assert reasons in ([OLD] * earlier_results, [*[OLD] * earlier_results, NEW]), reasons
    assert sorted(path.name for path in out.parent.glob(".*")) == []


@dataclass(frozen=True)
class Scenario:
    """What is in the folder before the run that is killed, and what that run writes."""

    earlier: int = 1  # results, one after the other
    with_labels: bool = True
    mends: bool = False  # the run before it was killed between its renamings


SCENARIOS = (
    *(Scenario(), Scenario(with_labels=False), Scenario(mends=True), Scenario(earlier=3)),
    *(Scenario(mends=True, with_labels=False), Scenario(earlier=2, with_labels=False)),
)


def file_operations(folder: Path, points: int) -> dict[str, int]:
    """Killed before each file operation of a run, in one scenario after the other."""
    between = _between_the_renamings(folder)
    killed = 0
    for scenario in SCENARIOS:
        for number in count():
            if killed >= points:
                return {"killed": killed}
            out = earlier(folder / f"{SCENARIOS.index(scenario)}-{number}", scenario.earlier)
            if scenario.mends:
                assert killed_before_operation(out, between, lambda out=out: run(out))
            action = partial(run, out, with_labels=scenario.with_labels)
            if not killed_before_operation(out, number, action):
                break
            killed += 1
            found = looked_at(out)
            assert scenario.earlier > 1 or found.standing != OLD or not found.old_is_aside
            if scenario.mends:
                assert ended(child(action)) == 0
                assert looked_at(out).standing == NEW
            else:
                require_nothing_lost(out, scenario.earlier)
    return {"killed": killed}


def _between_the_renamings(folder: Path) -> int:
    """The last operation of a run before which the folder has gone and its successor has not yet come."""
    found = 0
    for number in count():
        out = earlier(folder / f"look-{number}")
        if not killed_before_operation(out, number, partial(run, out)):
            break
        found = found if out.exists() else number
    return found


def random_moments(folder: Path, kills: int) -> dict[str, int]:
    """Real screenings, killed at random moments; the run after the last one is whole."""
    scan, model = write_scan(folder / "ct.nii.gz"), write_model(folder / "model", Label.TUMOR)
    draw = random.Random(SEED)
    arguments = ["screen", str(scan), "--model", str(model), "--device", "cpu", "--protocol", "fast", "--output"]

    def screened(out: Path) -> Callable[[], object]:
        return lambda: main([*arguments, str(out)])

    began = time.monotonic()
    (folder / "calm").mkdir()
    assert ended(child(screened(folder / "calm" / "out"))) == 0
    calm_s = time.monotonic() - began
    killed = finished = 0
    while killed < kills:
        out = earlier(folder / f"run-{killed + finished}")
        pid = child(screened(out))
        time.sleep(draw.uniform(0, calm_s))
        os.kill(pid, signal.SIGKILL)
        if ended(pid) == 0:
            finished += 1
            continue
        killed += 1
        found = looked_at(out)
        assert found.standing != OLD or not found.old_is_aside
        with held_place(out, nullcontext):
            assert (out / "notes.txt").read_text() == "mine"
        assert OLD in [
            read_result(place).screening.reason for place in (out, out.with_name("out.previous")) if _has(place)
        ]
    return {"killed": killed, "finished": finished, "calm_s": round(calm_s, 1)}


def _has(folder: Path) -> bool:
    return any((folder / name).exists() for name in RESULT_FILES)


def full_disks(folder: Path, sizes: int) -> dict[str, int]:
    """No file may become larger than so many bytes: 100 sizes up to that of the largest file of the result."""
    largest = max(path.stat().st_size for path in answer_of(NEW).save(folder / "whole").iterdir())
    refused = 0
    for number in range(sizes):
        out = earlier(folder / str(number))
        limit = largest * number // sizes

        def limited(out: Path = out, limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            with suppress(WriteError):
                run(out)
                os._exit(9)  # it fitted

        code = ended(child(limited))
        assert code == 0, (limit, code)
        refused += 1
        assert looked_at(out).standing == "nothing"
        require_nothing_lost(out)
    return {"refused": refused}


def play(points: int, kills: int, sizes: int) -> list[str]:
    """Play everything; what was played, in words. Raises AssertionError at the first wrong state."""
    write_report = answer_module.write_report  # without its pictures: they take a second each
    answer_module.write_report = lambda screening, _ct, _labels, path: write_report(screening, None, None, path)
    told = []
    for scenario, number in ((file_operations, points), (full_disks, sizes), (random_moments, kills)):
        with tempfile.TemporaryDirectory() as folder:
            told.append(f"{scenario.__name__}: {scenario(Path(folder), number)}")
    return told


if __name__ == "__main__":
    sys.stdout.write("\n".join([*play(200, 100, 100), "0 mixed results, 0 lost earlier results", ""]))
