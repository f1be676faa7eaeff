"""What trainings that are killed end with. Each scenario is played by training_lives.play."""

import os
import random
import resource
import shutil
import signal
import sys
import time
from itertools import count

from small_store import small_store
from training_lives import end, ended_within, fork, kill, tiny_run
from training_states import require_equal, train_here

from PDACScreeningLib.config import ValidationSpec
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder


def random_kills(folder):
    """50 SIGKILLs at random instants of trainings that save every other iteration; each second one waits for a save."""
    store = small_store(folder / "store")
    began = time.monotonic()
    assert end(fork(lambda: train_here(_short(folder / "calm"), store))) == 0
    calm_s = time.monotonic() - began
    draw = random.Random(2019)
    kills, in_saving, runs = 0, 0, 0
    while kills < 50:
        run, runs = _short(folder / f"run-{runs}"), runs + 1
        while True:
            life = fork(lambda run=run: train_here(run, store))
            code = ended_within(life, draw.uniform(0, calm_s / 2) if kills < 50 else 300)
            if code is None and kills % 2:
                code = _ended_before_saving(life, run.folder)
            if code is not None:
                assert code == 0
                break
            kill(life)
            kills += 1
            in_saving += any(run.folder.glob(".partial-*"))
        require_equal(folder / "calm", run.folder)
        assert not any(run.folder.glob(".partial-*"))
    return {"kills": kills, "in_saving": in_saving, "runs": runs}


def kills_at_every_file_operation(folder):
    """A SIGKILL right before each thing that the last iteration, a validation and the saving do with the run folder."""
    store = small_store(folder / "store")
    validation = ValidationSpec(every=4, batches=1)  # at the end only, where it is the best so far
    calm, three = (_four(folder / name, validation=validation) for name in ("calm", "three"))
    assert end(fork(lambda: train_here(calm, store))) == 0
    assert end(fork(lambda: train_here(three, store, stop_after=3))) == 0
    for operations in count():
        run = _four(folder / "killed", validation=validation)
        shutil.rmtree(run.folder, ignore_errors=True)
        shutil.copytree(three.folder, run.folder)
        code = end(fork(lambda run=run, n=operations: _until_operation(run.folder, n, lambda: train_here(run, store))))
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert end(fork(lambda run=run: train_here(run, store))) == 0
        require_equal(calm.folder, run.folder)
    return {"operations": operations}


def kills_inside_a_write(folder):
    """The kernel ends the training (SIGXFSZ) at the n-th byte of the checkpoint that it writes."""
    store = small_store(folder / "store")
    assert end(fork(lambda: train_here(_four(folder / "calm"), store))) == 0
    assert end(fork(lambda: train_here(_four(folder / "three"), store, stop_after=3))) == 0
    size = max(path.stat().st_size for path in (folder / "calm").glob("*.pt"))
    killed = 0
    for limit in range(size // 10, size, size // 10):
        run = _four(folder / f"killed-{limit}")
        shutil.copytree(folder / "three", run.folder)
        assert end(fork(lambda run=run, limit=limit: _train_until_byte(run, store, limit))) == -signal.SIGXFSZ
        killed += 1
        assert CheckpointFolder(run.folder).newest().iteration == 3
        assert end(fork(lambda run=run: train_here(run, store))) == 0
        require_equal(folder / "calm", run.folder)
    return {"killed": killed}


def _ended_before_saving(life, folder):
    """None as soon as a half-written file is there, or after a second; the exit code of a process that ends before."""
    stop = time.monotonic() + 1
    while time.monotonic() < stop and not any(folder.glob(".partial-*")):
        code = ended_within(life, 0)
        if code is not None:
            return code
    return None


def _short(folder):
    return tiny_run(folder, iterations=40, checkpoint_every=2)


def _four(folder, **changes):
    return tiny_run(folder, iterations=4, checkpoint_every=1, **changes)


def _until_operation(folder, number, action):
    """Act, and end by SIGKILL before the operation `number` (from 0) on the folder that Python reports."""
    seen = []

    def on_event(event, arguments):
        if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(arguments[0]).startswith(str(folder)):
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            seen.append(event)

    sys.addaudithook(on_event)
    action()


def _train_until_byte(run, store, limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    train_here(run, store)
