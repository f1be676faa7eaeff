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
from PDACScreeningLib.errors import DataError, ModelError
from PDACScreeningLib.network.checkpoint import Checkpoint
from PDACScreeningLib.network.global_batch_norm import with_global_batch_norm
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.weight_average import WeightAverage

ClassPrior = tuple[float, float, float]
NetworkState = dict[str, Any]


@dataclass(frozen=True)
class Learner:
    """A network while it learns, with its optimizer.

    heads: all outputs of the network; with several ranks their gradients are averaged over the ranks.

    scaler: keeps small gradients of fp16 from vanishing; switched off otherwise, it does nothing.
    average: of the weights, where one is kept.
    """

    network: SegmentationNetwork
    heads: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: WeightAverage | None = None

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over the state of a checkpoint."""
        self.network.load_state_dict(checkpoint.network_state)
        self.optimizer.load_state_dict(checkpoint.optimizer_state)
        if self.scaler.is_enabled() and checkpoint.scaler_state:
            self.scaler.load_state_dict(checkpoint.scaler_state)
        if self.average is not None:
            self.average.restore(checkpoint.average_state)

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
            "average_state": {} if self.average is None else self.average.state(),
        }

    def network_for_use(self) -> SegmentationNetwork:
        """What is published: the average where one is kept, else the network.

        With the running statistics that are saved: the writer's, where each rank has its own.
        """
        network = self.network if self.average is None else self.average.network
        if isinstance(self.heads, DistributedDataParallel):
            for buffer in network.buffers():
                dist.broadcast(buffer, src=0)
        return network

    @contextmanager
    def gradients_kept_back(self, kept_back: bool) -> Iterator[None]:
        """Inside, gradients are summed up on each rank and not exchanged, since more of the mini-batch follows."""
        if kept_back and isinstance(self.heads, DistributedDataParallel):
            with self.heads.no_sync():
                yield
        else:
            yield


def new_learner(
    config: TrainingConfig,
    scale: ScaleSpec,
    runtime: Runtime,
    ranks: Ranks,
    prior: ClassPrior | None,
    start: NetworkState | None = None,
) -> Learner:
    """A learner before its first iteration. prior: class frequencies, for heads that start at them.

    Its weights follow from the seed; with `start`, the state of a network as a model keeps it, only those of the
    auxiliary heads do. Raises ModelError when `start` is of a network of another shape.
    """
    torch.manual_seed(int(stream(config.seed, "training/weights", scale.patch_size).integers(2**31)))
    network = SegmentationNetwork(scale, config.screening.network)
    if prior is not None:
        network.set_prior(prior)
    if start is not None:
        _take_over(network, start)
    if ranks.count > 1 and config.batch_norm == "global":
        with_global_batch_norm(network, runtime.device)
    network.to(runtime.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # stub lacks 3d
    heads: nn.Module = AllHeads(network)
    if ranks.count > 1:
        heads = DistributedDataParallel(heads)
    scaler = torch.amp.GradScaler(runtime.device, enabled=runtime.precision == "fp16")
    average = WeightAverage(network, config.average_decay) if config.average_decay > 0 else None
    return Learner(network, heads, _optimizer(network, config.optimizer), scaler, average)


def _take_over(network: SegmentationNetwork, start: NetworkState) -> None:
    """Load the weights of a model into a network that is to learn on. Raises ModelError."""
    try:
        found = network.load_state_dict(start, strict=False)
    except RuntimeError as error:
        raise ModelError("the model to start from has a network of another width; leave --base-width out") from error
    missing = [name for name in found.missing_keys if not name.startswith("auxiliary_heads.")]
    if missing or found.unexpected_keys:
        raise ModelError(f"the model to start from is of another kind of network: {[*missing, *found.unexpected_keys]}")


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
