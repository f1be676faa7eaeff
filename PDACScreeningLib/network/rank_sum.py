"""Sums over the ranks of a distributed training that gradients can pass through."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def is_distributed() -> bool:
    """Whether this process trains together with others."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all ranks, the same on each; the tensor itself in a single process.

    The gradient of a rank's tensor counts what every rank made of the sum. Averaged over the ranks, as
    DistributedDataParallel does, gradients are then those that one process with the whole mini-batch has.
    """
    if not is_distributed():
        return tensor
    total: Tensor = _RankSum.apply(tensor)  # type: ignore[no-untyped-call]  # torch's stub
    return total


class _RankSum(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, tensor: Tensor) -> Tensor:
        return _all_reduced(tensor)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        return _all_reduced(gradient)


def _all_reduced(tensor: Tensor) -> Tensor:
    total = tensor.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total
