"""Checkpoints of trainings that never ran, small enough to write hundreds of them."""

import torch

from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.network.checkpoint import Checkpoint


def small_checkpoint(iteration):
    """A state of a few kilobytes that tells its iteration in every weight."""
    weights = {"weight": torch.full((500,), float(iteration))}
    return Checkpoint(TrainingConfig(), 16, iteration, weights, {"state": {}}, {"store_sha256": "x"})
