"""A half-open box of voxels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


def bounding_box(mask: NDArray[Any]) -> Box | None:
    """The smallest box that covers every voxel of a (z, y, x) array that is not false or 0; None when there is none."""
    return box_around(mask, lambda plane: plane)


def box_around(array: NDArray[Any], wanted: Callable[[NDArray[Any]], NDArray[Any]]) -> Box | None:
    """The smallest box that covers every wanted voxel of a (z, y, x) array; None when there is none.

    wanted: of a (y, x) plane, (y, x) what is not false or 0. Plane by plane, for a mask of a scan takes memory.
    """
    planes: list[int] = []
    rows, columns = (np.zeros(length, np.bool_) for length in array.shape[1:])
    for z, plane in enumerate(array):
        mask = wanted(plane)
        hit = mask.any(axis=1)
        if hit.any():
            planes.append(z)
            rows |= hit
            columns |= mask.any(axis=0)
    if not planes:
        return None
    (y0, y1), (x0, x1) = ((int(hit[0]), int(hit[-1]) + 1) for hit in map(np.flatnonzero, (rows, columns)))
    return Box((planes[0], y0, x0), (planes[-1] + 1, y1, x1))
