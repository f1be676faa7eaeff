"""What happens to trainings that are killed, stopped and shared. Each function runs in training_lives.run_scenario."""

import json
import os
import random
import resource
import shutil
import signal
import sys
import time

import torch
from small_store import small_store
from training_lives import end, ended_within, fork, in_ranks, kill, tiny_run

from PDACScreeningLib.config import LossSpec, OptimizerSpec
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.training import step
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.journal import JOURNAL
from PDACScreeningLib.training.ranks import joined_ranks
from PDACScreeningLib.training.trainer import train


def random_kills(folder):
    """50 SIGKILLs at random instants of trainings that save every other iteration."""
    store = small_store(folder / "store")
    began = time.monotonic()
    assert end(fork(lambda: _train(_short(folder / "calm"), store))) == 0
    calm_s = time.monotonic() - began
    draw = random.Random(2019)
    kills, in_saving, runs = 0, 0, 0
    while kills < 50:
        run, runs = _short(folder / f"run-{runs}"), runs + 1
        while True:
            life = fork(lambda run=run: _train(run, store))
            code = ended_within(life, draw.uniform(0, calm_s / 2) if kills < 50 else 300)
            if code is not None:
                assert code == 0
                break
            kill(life)
            kills += 1
            in_saving += any(run.folder.glob(".partial-*"))
        _require_equal(folder / "calm", run.folder)
        assert not any(run.folder.glob(".partial-*"))
    return {"kills": kills, "in_saving": in_saving, "runs": runs}


def kills_at_every_file_operation(folder):
    """A SIGKILL right before each thing that the last iteration and its saving do with the run folder."""
    store = small_store(folder / "store")
    assert end(fork(lambda: _train(_four(folder / "calm"), store))) == 0
    assert end(fork(lambda: _train(_four(folder / "three"), store, stop_after=3))) == 0
    operations = []
    while True:
        run = _four(folder / "killed")
        shutil.rmtree(run.folder, ignore_errors=True)
        shutil.copytree(folder / "three", run.folder)
        life = fork(lambda run=run: _train_until_operation(run, store, len(operations)))
        code = end(life)
        if code == 0:
            return {"operations": len(operations)}
        assert code == -signal.SIGKILL
        operations.append(code)
        assert end(fork(lambda run=run: _train(run, store))) == 0
        _require_equal(folder / "calm", run.folder)


def kills_inside_a_write(folder):
    """The kernel ends the training (SIGXFSZ) at the n-th byte of the checkpoint that it writes."""
    store = small_store(folder / "store")
    assert end(fork(lambda: _train(_four(folder / "calm"), store))) == 0
    assert end(fork(lambda: _train(_four(folder / "three"), store, stop_after=3))) == 0
    size = max(path.stat().st_size for path in (folder / "calm").glob("*.pt"))
    killed = 0
    for limit in range(size // 10, size, size // 10):
        run = _four(folder / f"killed-{limit}")
        shutil.copytree(folder / "three", run.folder)
        assert end(fork(lambda run=run, limit=limit: _train_until_byte(run, store, limit))) == -signal.SIGXFSZ
        killed += 1
        assert CheckpointFolder(run.folder).newest().iteration == 3
        assert end(fork(lambda run=run: _train(run, store))) == 0
        _require_equal(folder / "calm", run.folder)
    return {"killed": killed}


def two_ranks_equal_one_process(folder):
    """The largest difference of weights, momentum and losses between one process and two ranks, for two losses."""
    store = small_store(folder / "store")
    short = LossSpec(class_weights=(1.0, 2.0, 6.0), dice_weight=1.0, prior_bias=True)
    found = {}
    for name, loss in {"paper": LossSpec(), "short": short}.items():
        one, two = (_run(folder / f"{name}-{count}", loss=loss) for count in (1, 2))
        assert end(fork(lambda run=one: _train(run, store))) == 0
        assert in_ranks(2, lambda _rank, run=two: _train_as_rank(run, store)) == [0, 0]
        found[name] = _largest_difference(one.folder, two.folder)
    return found


def local_statistics_differ(folder):
    """The same comparison when each rank normalizes by its own part."""
    store = small_store(folder / "store")
    one, two = (_run(folder / str(count), batch_norm="local") for count in (1, 2))
    assert end(fork(lambda: _train(one, store))) == 0
    assert in_ranks(2, lambda _rank: _train_as_rank(two, store)) == [0, 0]
    return _largest_difference(one.folder, two.folder)


def not_a_number_on_one_rank(folder):
    """The loss of rank 1 becomes NaN in the fourth iteration; what each rank says, and what was saved."""
    store = small_store(folder / "store")
    run = _run(folder / "run")

    def action(rank):
        if rank == 1:
            _poison(call=4)
        try:
            _train_as_rank(run, store)
        except DataError as error:
            (folder / f"rank-{rank}.txt").write_text(str(error))
            return 3
        return 0

    codes = in_ranks(2, action)
    newest = CheckpointFolder(run.folder).newest()
    finite = all(bool(torch.isfinite(tensor).all()) for tensor in newest.network_state.values())
    said = [(folder / f"rank-{rank}.txt").read_text() for rank in (0, 1)]
    return {"codes": codes, "saved": newest.iteration, "finite": finite, "said": said}


def a_stop_asked_of_one_rank(folder):
    """Rank 1 is asked to stop after two iterations; when both stopped."""
    store = small_store(folder / "store")
    run = _run(folder / "run")
    asked = iter([False, False, *[True] * 100])
    codes = in_ranks(
        2, lambda rank: _train_as_rank(run, store, should_stop=(lambda: next(asked)) if rank == 1 else lambda: False)
    )
    return {"codes": codes, "saved": CheckpointFolder(run.folder).newest().iteration}


def _short(folder):
    return tiny_run(folder, iterations=60, checkpoint_every=2)


def _four(folder):
    return tiny_run(folder, iterations=4, checkpoint_every=1)


def _run(folder, **changes):
    return tiny_run(folder, iterations=6, checkpoint_every=2, optimizer=OptimizerSpec(learning_rate=0.01), **changes)


def _train(run, store, stop_after=None):
    done = []
    train(run, store, done.append, should_stop=lambda: stop_after is not None and len(done) + 1 >= stop_after)


def _train_as_rank(run, store, **options):
    with joined_ranks("cpu") as ranks:
        train(run, store, ranks=ranks, **options)


def _train_until_operation(run, store, number):
    """Train, and end by SIGKILL before the operation `number` (from 0) on the run folder that Python reports."""
    seen = []

    def on_event(event, arguments):
        if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(arguments[0]).startswith(str(run.folder)):
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            seen.append(event)

    sys.addaudithook(on_event)
    _train(run, store)


def _train_until_byte(run, store, limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    _train(run, store)


def _poison(call):
    """From its `call`-th call on, this process computes a loss that is not a number."""
    whole, calls = step.deeply_supervised_loss, []

    def poisoned(*arguments):
        calls.append(1)
        loss = whole(*arguments)
        return type(loss)(loss.total * float("nan"), loss.heads) if len(calls) >= call else loss

    step.deeply_supervised_loss = poisoned


def _state(folder):
    checkpoint = CheckpointFolder(folder).newest()
    momentum = {
        f"momentum {index}": state["momentum_buffer"] for index, state in checkpoint.optimizer_state["state"].items()
    }
    return {**checkpoint.network_state, **momentum}


def _losses(folder):
    lines = [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]
    return [(line["iteration"], line["loss"], line["learning_rate"]) for line in lines]


def _require_equal(calm, other):
    """Weights, momentum, and the loss of every iteration, which tells its patches, to the last bit."""
    calm_state, other_state = _state(calm), _state(other)
    assert calm_state.keys() == other_state.keys()
    assert all(torch.equal(calm_state[name], other_state[name]) for name in calm_state)
    assert _losses(calm) == _losses(other)


def _largest_difference(first, second):
    one, two = _state(first), _state(second)
    losses = [abs(a[1] - b[1]) for a, b in zip(_losses(first), _losses(second), strict=True)]
    return max(*losses, *(float((one[name] - two[name]).abs().max()) for name in one))
