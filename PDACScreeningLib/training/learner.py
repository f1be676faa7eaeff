"""A network in training with all that changes it, and its way into a checkpoint and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from PDACScreeningLib.config import OptimizerSpec, ScaleSpec, TrainingConfig
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.network.checkpoint import Checkpoint
from PDACScreeningLib.network.global_batch_norm import with_global_batch_norm
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.ranks import Ranks

ClassPrior = tuple[float, float, float]


@dataclass(frozen=True)
class Learner:
    """A network while it learns, with its optimizer.

    heads: all outputs of the network; with several ranks their gradients are averaged over the ranks.

    scaler: keeps small gradients of fp16 from vanishing; switched off otherwise, it does nothing.
    """

    network: SegmentationNetwork
    heads: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over the state of a checkpoint."""
        self.network.load_state_dict(checkpoint.network_state)
        self.optimizer.load_state_dict(checkpoint.optimizer_state)
        if self.scaler.is_enabled() and checkpoint.scaler_state:
            self.scaler.load_state_dict(checkpoint.scaler_state)

    def state(self) -> dict[str, Any]:
        """The fields of a Checkpoint that are this learner's. Raises DataError when a weight is not finite.

        A loss can be finite and its gradient not; such weights must not replace a good checkpoint.
        """
        network_state = self.network.state_dict()
        if not all(bool(torch.isfinite(tensor).all()) for tensor in network_state.values()):
            raise DataError(
                "the weights are no longer finite; lower the learning rate. The last checkpoint is untouched"
            )
        return {
            "network_state": network_state,
            "optimizer_state": self.optimizer.state_dict(),
            "scaler_state": self.scaler.state_dict(),
        }

    def network_for_use(self) -> SegmentationNetwork:
        """The network with the running statistics that are saved: the writer's, where each rank has its own."""
        if isinstance(self.heads, DistributedDataParallel):
            for buffer in self.network.buffers():
                dist.broadcast(buffer, src=0)
        return self.network

    @contextmanager
    def gradients_kept_back(self, kept_back: bool) -> Iterator[None]:
        """Inside, gradients are summed up on each rank and not exchanged, since more of the mini-batch follows."""
        if kept_back and isinstance(self.heads, DistributedDataParallel):
            with self.heads.no_sync():
                yield
        else:
            yield


def new_learner(
    config: TrainingConfig, scale: ScaleSpec, runtime: Runtime, ranks: Ranks, prior: ClassPrior | None
) -> Learner:
    """A learner before its first iteration; its weights follow from the seed. prior: class frequencies."""
    torch.manual_seed(int(stream(config.seed, "training/weights", scale.patch_size).integers(2**31)))
    network = SegmentationNetwork(scale, config.screening.network)
    if prior is not None:
        network.set_prior(prior)
    if ranks.count > 1 and config.batch_norm == "global":
        with_global_batch_norm(network, runtime.device)
    network.to(runtime.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # stub lacks 3d
    heads: nn.Module = AllHeads(network)
    if ranks.count > 1:
        heads = DistributedDataParallel(heads)
    scaler = torch.amp.GradScaler(runtime.device, enabled=runtime.precision == "fp16")
    return Learner(network, heads, _optimizer(network, config.optimizer), scaler)


class AllHeads(nn.Module):
    """The network with its auxiliary outputs, which is what training runs."""

    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.network.with_auxiliary(image)


def _optimizer(network: SegmentationNetwork, spec: OptimizerSpec) -> torch.optim.Optimizer:
    if spec.name == "adamw":
        return torch.optim.AdamW(network.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay)
    return torch.optim.SGD(
        network.parameters(), lr=spec.learning_rate, momentum=spec.momentum, weight_decay=spec.weight_decay
    )
