"""The processes that train one network together, started by `torchrun` (DistributedDataParallel).

The global mini-batch is the one a single process would see: each rank draws it whole and takes its slice, so that the
patches of iteration t do not depend on how many ranks there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch.distributed import PrefixStore, rendezvous  # type: ignore[attr-defined]  # torch's stub

from PDACScreeningLib.errors import DataError
from PDACScreeningLib.training.rank_failure import ended_together

T = TypeVar("T")

_STALLED_AFTER = timedelta(minutes=10)  # a rank that waits longer than this for the others gives up


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; a process of its own is rank 0 of 1."""

    rank: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise ValueError(f"rank must lie in 0..{self.count - 1}, got {self.rank}")

    @property
    def is_writer(self) -> bool:
        """Whether this is the one process that writes files and shows progress."""
        return self.rank == 0

    def part_of(self, batch_size: int) -> slice:
        """The patches of the global mini-batch that are this rank's. Raises ValueError when they do not divide."""
        if batch_size % self.count != 0:
            raise ValueError(
                f"a mini-batch of {batch_size} patches does not divide among {self.count} processes; "
                f"start a number that divides it, or change --batch-size"
            )
        part = batch_size // self.count
        return slice(self.rank * part, (self.rank + 1) * part)

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any rank; every rank gets the same answer and waits for the others."""
        return self.any_of(flag)[0]

    def any_of(self, *flags: bool) -> list[bool]:
        """As `any` for each of several flags, which cost no more than one."""
        if self.count == 1:
            return list(flags)
        raised = torch.tensor([float(flag) for flag in flags])
        dist.all_reduce(raised)
        return [value > 0 for value in raised.tolist()]

    def from_writer(self, value: T | None) -> T | None:
        """The writer's value, on every rank."""
        if self.count == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def require_same(self, value: object, what: str) -> None:
        """Raises DataError on every rank when `value` differs between ranks. what: plural, for the message."""
        if self.count == 1:
            return
        values: list[object] = [None] * self.count
        dist.all_gather_object(values, value)
        if any(other != values[0] for other in values):
            raise DataError(f"the {self.count} processes have different {what}; give each the same options and data")


@contextmanager
def joined_ranks(device: str) -> Iterator[Ranks]:
    """Join the processes that `torchrun` started, and leave them at the end; alone when it did not start this one.

    device: "cuda" exchanges gradients with nccl and gives each process of a machine its own GPU, "cpu" with gloo.
    """
    if not started_by_torchrun():
        yield Ranks()
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())  # srun may show each its own
    store, rank, count = next(rendezvous("env://", timeout=_STALLED_AFTER))
    backends = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    groups = PrefixStore("groups", store)
    dist.init_process_group(backends, store=groups, rank=rank, world_size=count, timeout=_STALLED_AFTER)
    with ended_together(PrefixStore("failures", store.clone()), rank):
        yield Ranks(rank, count)
    dist.destroy_process_group()  # not after an error: it could wait for ranks that wait for this one


def started_by_torchrun() -> bool:
    """Whether this process is one rank of several; a launcher tells each its number and where they meet."""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()
