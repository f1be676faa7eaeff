"""One iteration: forward, loss, backward, update; in micro-batches when memory is short (ADR 0014)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from PDACScreeningLib.config import HUWindow, LossSpec, ScaleSpec
from PDACScreeningLib.errors import DataError, MemoryShort
from PDACScreeningLib.network.deep_supervision import deeply_supervised_loss, head_names
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.training.patch_sampling import PatchBatch


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
    spec: StepSpec, network: SegmentationNetwork, optimizer: torch.optim.Optimizer, batch: PatchBatch, rate: float
) -> StepLoss:
    """One iteration at a learning rate.

    Raises DataError when the loss is not finite, before any weight changes, and MemoryShort when the GPU's memory does
    not suffice.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    network.train()
    optimizer.zero_grad(set_to_none=True)
    try:
        loss = _accumulate_gradients(spec, network, batch)
    except torch.OutOfMemoryError as error:
        raise MemoryShort(_memory_sentence(spec, len(batch.hu))) from error
    total, *heads = loss.tolist()
    if not torch.isfinite(loss).all():
        raise DataError(f"the loss became {total}; lower the learning rate. The last checkpoint is untouched")
    optimizer.step()
    return StepLoss(total, dict(zip(head_names(spec.scale), heads, strict=True)))


def uses_bf16(runtime: Runtime, scale: ScaleSpec) -> bool:
    """Whether a step runs in bf16.

    Not the 16^3 network on a CPU: there torch's bf16 weight gradient of a 3x3x3 convolution over the 2x2x2 voxels of
    its lowest level differs from call to call and is NaN now and then (seen with torch 2.13); fp32 is exact.
    """
    small_on_cpu = runtime.device == "cpu" and scale.patch_size < 32
    return runtime.precision == "bf16" and not small_on_cpu


def to_device(batch: PatchBatch, window: HUWindow, device: str) -> tuple[Tensor, Tensor]:
    """Normalized image (n, 1, z, y, x) float32 and labels (n, z, y, x) int64."""
    hu = torch.from_numpy(batch.hu).to(device).float()
    image = (hu.clamp(window.lower_hu, window.upper_hu) - window.mean_hu) / window.std_hu
    labels = torch.from_numpy(batch.labels).to(device).long()
    return image.unsqueeze(1).contiguous(memory_format=torch.channels_last_3d), labels


def _accumulate_gradients(spec: StepSpec, network: SegmentationNetwork, batch: PatchBatch) -> Tensor:
    """Add the gradients of the mean loss over the batch; returns (total, auxiliary_1, ..., main), float32.

    Each micro-batch counts by its share of the patches, so the mean is that of the whole batch.
    """
    whole = torch.zeros(1 + len(spec.scale.loss_weights), device=spec.runtime.device)
    for micro in micro_batches(batch, spec.accumulate):
        image, labels = to_device(micro, spec.intensity, spec.runtime.device)
        with torch.autocast(spec.runtime.device, torch.bfloat16, enabled=uses_bf16(spec.runtime, spec.scale)):
            outputs = network.with_auxiliary(image)
        loss = deeply_supervised_loss(outputs, labels, spec.scale, spec.loss)
        share = len(micro.hu) / len(batch.hu)
        (loss.total * share).backward()  # type: ignore[no-untyped-call]  # torch's stub
        whole += share * torch.stack([loss.total, *loss.heads]).detach()
    return whole


def micro_batches(batch: PatchBatch, accumulate: int) -> list[PatchBatch]:
    """The batch in `accumulate` pieces of equal size, or of sizes that differ by one. Views, nothing is copied."""
    count = len(batch.hu)
    pieces = min(accumulate, count)
    cuts = [count * piece // pieces for piece in range(pieces + 1)]
    return [
        PatchBatch(batch.hu[first:last], batch.labels[first:last])
        for first, last in zip(cuts[:-1], cuts[1:], strict=True)
    ]


def _memory_sentence(spec: StepSpec, count: int) -> str:
    used = min(spec.accumulate, count)
    if used == count:
        return "one patch alone is too large for this GPU's memory; use --base-width with a smaller number"
    return (
        f"{-(-count // used)} patches at once are too many for this GPU's memory; "
        f"train again with --accumulate {min(2 * used, count)}, which goes on from the last checkpoint"
    )
