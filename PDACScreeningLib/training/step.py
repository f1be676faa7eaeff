"""One iteration: forward, loss, backward, update; in micro-batches when memory is short (ADR 0014)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from PDACScreeningLib.config import HUWindow, LossSpec, ScaleSpec
from PDACScreeningLib.errors import DataError, MemoryShort
from PDACScreeningLib.network.deep_supervision import deeply_supervised_loss, head_names
from PDACScreeningLib.network.memory_errors import out_of_memory
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.training.cases_on_device import UncutBatch, placed
from PDACScreeningLib.training.learner import Learner
from PDACScreeningLib.training.patch_sampling import PatchBatch
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.volume.intensity import scaled_to_window


@dataclass(frozen=True)
class StepSpec:
    """How an iteration is computed. accumulate: micro-batches whose gradients are summed before the update."""

    scale: ScaleSpec
    loss: LossSpec
    intensity: HUWindow
    runtime: Runtime
    accumulate: int = 1


@dataclass(frozen=True)
class StepLoss:
    """The loss of an iteration before its update, and that of every head before it is weighted."""

    total: float
    heads: Mapping[str, float]


def training_step(
    spec: StepSpec, learner: Learner, batch: PatchBatch | UncutBatch, rate: float, ranks: Ranks
) -> StepLoss:
    """One iteration at a learning rate. batch: this rank's part of the mini-batch; the loss is that of the whole.

    Raises DataError on every rank when the loss is not finite on any, before any weight changes, and MemoryShort when
    the memory of the device does not suffice.
    """
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.network.train()
    learner.optimizer.zero_grad(set_to_none=True)
    try:
        loss = _accumulate_gradients(spec, learner, batch)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise MemoryShort(_memory_sentence(spec, len(batch))) from error
    total, *heads = loss.tolist()  # the one moment of an iteration at which the processor waits for the GPU
    finite = all(math.isfinite(value) for value in (total, *heads))
    if ranks.any(not finite):
        whose = "of another process is not finite" if finite else f"became {total}"
        raise DataError(f"the loss {whose}; lower the learning rate. The last checkpoint is untouched")
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    return StepLoss(total, dict(zip(head_names(spec.scale), heads, strict=True)))


def autocast(spec: StepSpec) -> AbstractContextManager[Any]:
    """What convolutions are computed in, inside the `with`."""
    precision = precision_of(spec.runtime, spec.scale)
    dtype = Runtime(spec.runtime.device, precision).autocast_dtype
    return torch.autocast(spec.runtime.device, dtype, enabled=dtype is not None)


def precision_of(runtime: Runtime, scale: ScaleSpec) -> str:
    """The precision a step runs in: the runtime's, with one exception.

    Not bf16 for the 16^3 network on a CPU: there torch's bf16 weight gradient of a 3x3x3 convolution over the 2x2x2
    voxels of its lowest level differs from call to call and is NaN now and then (seen with torch 2.13); fp32 is exact.
    """
    small_on_cpu = runtime.device == "cpu" and scale.patch_size < 32
    return "fp32" if runtime.precision == "bf16" and small_on_cpu else runtime.precision


def to_device(batch: PatchBatch | UncutBatch, window: HUWindow, device: str) -> tuple[Tensor, Tensor]:
    """Normalized image (n, 1, z, y, x) float32 and labels (n, z, y, x) int64."""
    if isinstance(batch, UncutBatch):
        hu, labels = batch.cut()
    else:
        hu, labels = placed(batch.hu, device), placed(batch.labels, device)
    image = scaled_to_window(hu.float(), window)
    return image.unsqueeze(1).contiguous(memory_format=torch.channels_last_3d), labels.long()


def _accumulate_gradients(spec: StepSpec, learner: Learner, batch: PatchBatch | UncutBatch) -> Tensor:
    """Add the gradients of the mean loss over the batch; returns (total, auxiliary_1, ..., main), float32.

    Each micro-batch counts by its share of the patches, so the mean is that of the whole batch.
    """
    whole = torch.zeros(1 + len(spec.scale.loss_weights), device=spec.runtime.device)
    pieces = micro_batches(batch, spec.accumulate)
    for index, micro in enumerate(pieces):
        image, labels = to_device(micro, spec.intensity, spec.runtime.device)
        with learner.gradients_kept_back(index + 1 < len(pieces)):
            with autocast(spec):
                outputs = learner.heads(image)
            loss = deeply_supervised_loss(outputs, labels, spec.scale, spec.loss)
            share = len(micro) / len(batch)
            learner.scaler.scale(loss.total * share).backward()  # type: ignore[no-untyped-call]  # torch's stub
        whole += share * torch.stack([loss.total, *loss.heads]).detach()
    return whole


def micro_batches(batch: PatchBatch | UncutBatch, accumulate: int) -> list[PatchBatch | UncutBatch]:
    """The batch in `accumulate` pieces of equal size, or of sizes that differ by one. Views, nothing is copied."""
    count = len(batch)
    pieces = min(accumulate, count)
    cuts = [count * piece // pieces for piece in range(pieces + 1)]
    return [batch.part(first, last) for first, last in zip(cuts[:-1], cuts[1:], strict=True)]


def _memory_sentence(spec: StepSpec, count: int) -> str:
    used, device = min(spec.accumulate, count), spec.runtime.device
    if used == count:
        return f"one patch alone is too large for the memory of {device}; use --base-width with a smaller number"
    return (
        f"{-(-count // used)} patches at once are too many for the memory of {device}; "
        f"train again with --accumulate {min(2 * used, count)}, which goes on from the last checkpoint"
    )
