"""The moving average of a network's weights over its training (ADR 0021)."""

from __future__ import annotations

import copy
from typing import Any

import torch

from PDACScreeningLib.network.segmentation_network import SegmentationNetwork


class WeightAverage:
    """A second network whose weights and running statistics follow those of the trained one, slowly.

    decay: how much of the average stays at each iteration; at the start less, so that random weights are forgotten.
    """

    def __init__(self, network: SegmentationNetwork, decay: float) -> None:
        self._decay = decay
        self.network = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def follow(self, network: SegmentationNetwork, iteration: int) -> None:
        """Take in the weights after the update of a 0-based iteration."""
        decay = min(self._decay, (1 + iteration) / (10 + iteration))
        theirs = network.state_dict()
        for name, mine in self.network.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1 - decay)
            else:  # how many batches the statistics have seen
                mine.copy_(theirs[name])

    def state(self) -> dict[str, Any]:
        """Tensors shared with the average."""
        return self.network.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint."""
        self.network.load_state_dict(state)
