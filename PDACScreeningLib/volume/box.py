"""A half-open box of voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ZYX = tuple[int, int, int]  # in the order of arrays


@dataclass(frozen=True)
class Box:
    """Voxels with start <= index < stop along (z, y, x). Raises ValueError when it is empty or negative."""

    start: ZYX
    stop: ZYX

    def __post_init__(self) -> None:
        if any(low < 0 or high <= low for low, high in zip(self.start, self.stop, strict=True)):
            raise ValueError(f"a box needs 0 <= start < stop on every axis, got {self.start} to {self.stop}")

    @property
    def shape(self) -> ZYX:
        """Voxels along (z, y, x)."""
        z, y, x = (high - low for low, high in zip(self.start, self.stop, strict=True))
        return (z, y, x)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """For indexing a (z, y, x) array."""
        z, y, x = (slice(low, high) for low, high in zip(self.start, self.stop, strict=True))
        return (z, y, x)

    def within(self, outer: Box) -> Box:
        """A box of a part of a volume as a box of the volume. outer: where the part lies."""
        z, y, x = outer.start
        start, stop = ((ends[0] + z, ends[1] + y, ends[2] + x) for ends in (self.start, self.stop))
        return Box(start, stop)

    def relative_to(self, outer: Box) -> Box:
        """A box of a volume as a box of its part `outer`, in which it lies; undoes `within`."""
        z, y, x = outer.start
        start, stop = ((ends[0] - z, ends[1] - y, ends[2] - x) for ends in (self.start, self.stop))
        return Box(start, stop)

    def shared(self, other: Box) -> Box | None:
        """The voxels of both; None when there are none."""
        z0, y0, x0 = (max(ends) for ends in zip(self.start, other.start, strict=True))
        z1, y1, x1 = (min(ends) for ends in zip(self.stop, other.stop, strict=True))
        return Box((z0, y0, x0), (z1, y1, x1)) if z0 < z1 and y0 < y1 and x0 < x1 else None

    def around(self, other: Box) -> Box:
        """The smallest box that covers both."""
        z0, y0, x0 = (min(ends) for ends in zip(self.start, other.start, strict=True))
        z1, y1, x1 = (max(ends) for ends in zip(self.stop, other.stop, strict=True))
        return Box((z0, y0, x0), (z1, y1, x1))

    def padded(self, margin_voxels: int, shape: ZYX) -> Box:
        """This box grown by a margin on every side, clipped to a volume of `shape`.

        ..####......  margin 2 ->  ########....
        """
        start = tuple(max(0, low - margin_voxels) for low in self.start)
        stop = tuple(min(length, high + margin_voxels) for high, length in zip(self.stop, shape, strict=True))
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def bounding_box(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box that covers every true voxel of a (z, y, x) mask; None when there is none."""
    bounds: list[tuple[int, int]] = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        if hit.size == 0:
            return None
        bounds.append((int(hit[0]), int(hit[-1]) + 1))
    (z0, z1), (y0, y1), (x0, x1) = bounds
    return Box((z0, y0, x0), (z1, y1, x1))
