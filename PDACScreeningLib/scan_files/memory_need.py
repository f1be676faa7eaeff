"""What a scan will need, from its header alone: it is refused in words before the machine runs out of memory."""

from __future__ import annotations

import math
import os
from pathlib import Path

from PDACScreeningLib.errors import InputRejected

BYTES_PER_VOXEL = 7  # of the scan's own grid, and again of the working grid; measured 6.2 and 6.1
_GIB = 1024**3
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def needed_gib(shape: tuple[int, int, int], working_shape: tuple[int, int, int] | None = None) -> float:
    """Memory for screening a scan of this shape (z, y, x), without the software's and the networks' own.

    working_shape: of the grid on which it is screened; None: as fine as the scan's.
    """
    voxels = math.prod(shape) + math.prod(working_shape or shape)
    return voxels * BYTES_PER_VOXEL / _GIB


def require_memory(shape: tuple[int, int, int], name: str) -> None:
    """Raise InputRejected when a scan of this shape cannot fit into this machine."""
    there = machine_gib()
    if there is not None and needed_gib(shape) > there:
        raise InputRejected(
            f"{name} has {shape[2]} x {shape[1]} x {shape[0]} voxels and needs about {needed_gib(shape):.1f} GiB of "
            f"memory, this machine has {there:.1f} GiB: use one with more, or give a coarser reconstruction"
        )


def machine_gib() -> float | None:
    """Memory of this machine, or what its container allows; None where nobody tells."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    for limit in _LIMITS:
        try:
            total = min(total, int(limit.read_text()))
        except (OSError, ValueError):
            continue
    return total / _GIB
