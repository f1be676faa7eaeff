"""What several processes train together. Each scenario is played by training_lives.play."""

import os
import signal
import time

import torch
from small_store import small_store
from training_lives import end, fork, in_ranks, tiny_run
from training_states import largest_difference, train_as_rank, train_here

from PDACScreeningLib.config import LossSpec, OptimizerSpec
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.network.global_batch_norm import GlobalBatchNorm3d
from PDACScreeningLib.network.rank_sum import sum_over_ranks
from PDACScreeningLib.training import step
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.ranks import joined_ranks


def two_ranks_equal_one_process(folder):
    """The largest difference of network state and losses between one process and two ranks, for two losses."""
    store = small_store(folder / "store")
    short = LossSpec(class_weights=(1.0, 2.0, 6.0), dice_weight=1.0, prior_bias=True)
    found = {}
    for name, loss in {"paper": LossSpec(), "short": short}.items():
        one, two = (_run(folder / f"{name}-{count}", loss=loss) for count in (1, 2))
        assert end(fork(lambda run=one: train_here(run, store))) == 0
        assert in_ranks(2, lambda _rank, run=two: train_as_rank(run, store)) == [0, 0]
        found[name] = largest_difference(one.folder, two.folder)
    return found


def local_statistics_differ(folder):
    """The same comparison when each rank normalizes by its own part."""
    store = small_store(folder / "store")
    one, two = (_run(folder / str(count), batch_norm="local") for count in (1, 2))
    assert end(fork(lambda: train_here(one, store))) == 0
    assert in_ranks(2, lambda _rank: train_as_rank(two, store)) == [0, 0]
    return {"difference": largest_difference(one.folder, two.folder)}


def global_batch_norm_in_double(folder):
    """The largest difference of output, gradients and running statistics between BatchNorm3d and two ranks of ours."""
    whole = torch.randn(4, 3, 2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 100

    def normalized(layer, part, sum_up):
        features = whole[part].clone().requires_grad_()
        output = layer(features)
        sum_up((output.tanh() * whole[part].sin()).sum()).backward()
        gradients = [features.grad, layer.weight.grad, layer.bias.grad]
        return [output.detach(), *gradients, layer.running_mean, layer.running_var]

    def action(rank):
        with joined_ranks("cpu") as ranks:
            found = normalized(GlobalBatchNorm3d(3).double(), ranks.part_of(4), sum_over_ranks)
        torch.save(found, folder / f"{rank}.pt")

    assert in_ranks(2, action) == [0, 0]
    one = normalized(torch.nn.BatchNorm3d(3).double(), slice(None), lambda loss: loss)
    (y0, x0, w0, b0, m0, v0), (y1, x1, w1, b1, m1, v1) = (torch.load(folder / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(m0, m1)
    assert torch.equal(v0, v1)
    two = [torch.cat([y0, y1]), torch.cat([x0, x1]) / 2, (w0 + w1) / 2, (b0 + b1) / 2, m0, v0]
    return {"difference": max(float((a - b).abs().max()) for a, b in zip(one, two, strict=True))}


def not_a_number_on_one_rank(folder):
    """The loss of rank 1 becomes NaN in the fourth iteration; what each rank says, and what was saved."""
    store = small_store(folder / "store")
    run = _run(folder / "run")

    def action(rank):
        if rank == 1:
            _poison(call=4)
        try:
            train_as_rank(run, store)
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
        2, lambda rank: train_as_rank(run, store, should_stop=(lambda: next(asked)) if rank == 1 else lambda: False)
    )
    return {"codes": codes, "saved": CheckpointFolder(run.folder).newest().iteration}


def a_rank_that_fails_and_hangs(folder):
    """Rank 1 fails in the fourth iteration and never ends; how long rank 0 waits for it, and what was saved."""
    store = small_store(folder / "store")
    run = _run(folder / "run")

    def action(rank):
        if rank == 0:
            train_as_rank(run, store)
            return 0
        try:
            train_as_rank(run, store, on_progress=_fail_at(3))
        except OSError:
            (folder / "failed").write_text(repr(time.time()))
            time.sleep(120)
        return 3

    children = in_ranks(2, action, wait=False)
    assert end(children[0]) == 5
    waited_s = time.time() - float((folder / "failed").read_text())
    os.kill(children[1], signal.SIGKILL)
    end(children[1])
    return {"waited_s": waited_s, "saved": CheckpointFolder(run.folder).newest().iteration}


def _fail_at(done):
    def hook(progress):
        if progress.done == done:
            raise OSError("a disk is gone")

    return hook


def different_options(folder):
    """Two ranks that were given different seeds."""
    store = small_store(folder / "store")

    def action(rank):
        try:
            train_as_rank(_run(folder / "run", seed=rank), store)
        except DataError as error:
            return 4 if "different options" in str(error) else 1

    return {"codes": in_ranks(2, action)}


def _run(folder, **changes):
    return tiny_run(folder, iterations=6, checkpoint_every=2, optimizer=OptimizerSpec(learning_rate=0.01), **changes)


def _poison(call):
    """From its `call`-th call on, this process computes a loss that is not a number."""
    whole, calls = step.deeply_supervised_loss, []

    def poisoned(*arguments):
        calls.append(1)
        loss = whole(*arguments)
        return type(loss)(loss.total * float("nan"), loss.heads) if len(calls) >= call else loss

    step.deeply_supervised_loss = poisoned
