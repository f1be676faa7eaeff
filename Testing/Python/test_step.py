"""One iteration: micro-batches add up to the whole batch, and what cannot be computed is a sentence."""

from contextlib import nullcontext
from copy import deepcopy

import numpy as np
import pytest
import torch

from PDACScreeningLib.config import LossSpec, NetworkSpec, OptimizerSpec, ScaleSpec, ScreeningConfig, TrainingConfig
from PDACScreeningLib.errors import DataError, MemoryShort
from PDACScreeningLib.network.deep_supervision import deeply_supervised_loss
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.training.learner import AllHeads, Learner, new_learner
from PDACScreeningLib.training.patch_sampling import PatchBatch
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.step import StepSpec, micro_batches, precision_of, to_device, training_step

SCALE = ScaleSpec(patch_size=16, stride=8, batch_size=6, loss_weights=(1.0, 3.0))


def step_spec(accumulate=1):
    return StepSpec(SCALE, LossSpec(), ScreeningConfig().intensity, Runtime("cpu", "fp32"), accumulate)


def random_batch(count):
    rng = np.random.default_rng(0)
    shape = (count, 16, 16, 16)
    return PatchBatch(rng.integers(-200, 300, shape, np.int16), rng.integers(0, 3, shape, np.uint8))


def still_network():
    """A network whose batch normalization uses its stored statistics, so that no patch depends on its neighbors."""
    torch.manual_seed(0)
    network = SegmentationNetwork(SCALE, NetworkSpec(base_width=2)).eval()
    network.train = lambda mode=True: network
    return network


def learner_of(network):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return Learner(network, AllHeads(network), optimizer, torch.amp.GradScaler("cpu", enabled=False))


def weights_after_a_step(accumulate, count):
    network = still_network()
    loss = training_step(step_spec(accumulate), learner_of(network), random_batch(count), 0.1, Ranks())
    return torch.cat([weight.detach().flatten() for weight in network.parameters()]), loss


def test_gradients_are_kept_back_until_the_last_micro_batch(monkeypatch):
    kept_back, learner = [], learner_of(still_network())
    monkeypatch.setattr(
        Learner, "gradients_kept_back", lambda _learner, kept: kept_back.append(kept) or nullcontext(), raising=True
    )
    training_step(step_spec(3), learner, random_batch(6), 0.1, Ranks())
    assert kept_back == [True, True, False]


@pytest.mark.parametrize(("accumulate", "count"), [(2, 6), (3, 6), (6, 6), (4, 6), (9, 6)])
def test_micro_batches_add_up_to_the_whole_batch(accumulate, count):
    whole, whole_loss = weights_after_a_step(1, count)
    pieces, pieces_loss = weights_after_a_step(accumulate, count)
    start = torch.cat([weight.detach().flatten() for weight in still_network().parameters()])
    assert (whole - start).abs().max() > 1e-3  # the step went somewhere
    assert (whole - pieces).abs().max() < 1e-6
    assert pieces_loss.total == pytest.approx(whole_loss.total, rel=1e-6)
    assert pieces_loss.heads == pytest.approx(whole_loss.heads, rel=1e-6)


def test_micro_batches_hold_every_patch_once_and_differ_by_one_at_most():
    pieces = micro_batches(random_batch(7), 3)
    assert [len(piece.hu) for piece in pieces] == [2, 2, 3]
    assert np.array_equal(np.concatenate([piece.hu for piece in pieces]), random_batch(7).hu)
    assert np.array_equal(np.concatenate([piece.labels for piece in pieces]), random_batch(7).labels)


def test_one_micro_batch_is_the_whole_batch():
    (only,) = micro_batches(random_batch(5), 1)
    assert len(only.hu) == 5


@pytest.mark.parametrize(
    ("accumulate", "advice"),
    [
        (1, r"6 patches at once.*--accumulate 2,.*last checkpoint"),
        (2, r"3 patches at once.*--accumulate 4,"),
        (4, r"2 patches at once.*--accumulate 6,"),
        (6, r"one patch alone.*--base-width"),
    ],
)
def test_a_gpu_that_is_too_small_names_the_option(accumulate, advice):
    network = still_network()

    def too_much(_image):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    network.with_auxiliary = too_much
    with pytest.raises(MemoryShort, match=advice):
        training_step(step_spec(accumulate), learner_of(network), random_batch(6), 0.1, Ranks())


def test_a_gpu_that_others_fill_is_short_of_memory_too_and_other_errors_are_errors():
    network = still_network()
    for error, raised in (("CUDA error: out of memory", MemoryShort), ("an illegal memory access", RuntimeError)):

        def fails(_image, error=error):
            raise RuntimeError(error)

        network.with_auxiliary = fails
        with pytest.raises(raised):
            training_step(step_spec(1), learner_of(network), random_batch(2), 0.1, Ranks())


def test_no_weight_changes_when_the_loss_is_not_finite():
    network = still_network()
    with torch.no_grad():
        network.head.bias[0] = torch.nan
    before = [weight.detach().clone() for weight in network.parameters()]
    with pytest.raises(DataError, match="loss became nan"):
        training_step(step_spec(), learner_of(network), random_batch(2), 0.1, Ranks())
    pairs = zip(before, network.parameters(), strict=True)
    assert all(torch.equal(old.nan_to_num(), new.nan_to_num()) for old, new in pairs)


def test_the_small_network_stays_in_fp32_on_a_cpu():
    bf16 = Runtime("cpu", "bf16")
    assert precision_of(bf16, ScaleSpec(32, 10, 32, (1.0, 3.0))) == "bf16"
    assert precision_of(bf16, SCALE) == "fp32"
    assert precision_of(Runtime("cuda", "bf16"), SCALE) == "bf16"


def test_the_weights_after_five_steps_are_those_of_gradient_descent_by_hand():
    """v <- momentum v + (gradient + decay w); w <- w - rate v, in double precision, with a rate that changes."""
    spec = OptimizerSpec()
    config = TrainingConfig(screening=ScreeningConfig(scales=(SCALE,), network=NetworkSpec(base_width=2)))
    learner = new_learner(config, SCALE, Runtime("cpu", "fp32"), Ranks(), None)
    hand = deepcopy(learner.network).double()
    velocity = [torch.zeros_like(weight) for weight in hand.parameters()]
    image, labels = to_device(random_batch(6), ScreeningConfig().intensity, "cpu")
    for rate in (0.01, 0.05, 0.002, 0.03, 0.01):
        training_step(step_spec(), learner, random_batch(6), rate, Ranks())
        hand.zero_grad()
        deeply_supervised_loss(hand.with_auxiliary(image.double()), labels, SCALE, LossSpec()).total.backward()
        with torch.no_grad():
            for weight, speed in zip(hand.parameters(), velocity, strict=True):
                speed.mul_(spec.momentum).add_(weight.grad + spec.weight_decay * weight)
                weight.sub_(rate * speed)
    for ours, theirs in zip(learner.network.parameters(), hand.parameters(), strict=True):
        assert torch.allclose(ours.double(), theirs, rtol=1e-3, atol=2e-5)


def test_the_optimizer_of_the_paper_is_plain_momentum():
    config = TrainingConfig(screening=ScreeningConfig(scales=(SCALE,), network=NetworkSpec(base_width=2)))
    (group,) = new_learner(config, SCALE, Runtime("cpu", "fp32"), Ranks(), None).optimizer.param_groups
    told = {name: group[name] for name in ("momentum", "weight_decay", "nesterov", "dampening")}
    assert told == {"momentum": 0.9, "weight_decay": 0.0005, "nesterov": False, "dampening": 0}
