"""Anatomical space: regular lattices in the phantom's world and the fields that live on them.

All anatomy is computed on lattices that are fixed in millimetres and know nothing of the requested voxel grid; only
then is it sampled on that grid. So the same seed gives the same anatomy at every spacing.

Axes of arrays are (z, y, x); points are (x, y, z) in LPS millimetres, the origin in the middle of the L1/L2 vertebra.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Point = tuple[float, float, float]
Axes = tuple[Floats, Floats, Floats]


@dataclass(frozen=True)
class Lattice:
    """Isotropic sample positions. start_mm: first sample along (z, y, x); shape: samples along (z, y, x).

    endless: what touches the first or last sample along z goes on beyond it, as the trunk does.
    """

    start_mm: Point
    pitch_mm: float
    shape: tuple[int, int, int]
    endless: bool = False

    def coordinates(self) -> Axes:
        """Open mesh of the world coordinates along z, y and x: shapes (z,1,1), (1,y,1), (1,1,x), float32."""
        lines = [
            np.float32(start) + np.float32(self.pitch_mm) * np.arange(length, dtype=np.float32)
            for start, length in zip(self.start_mm, self.shape, strict=True)
        ]
        return (lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :])

    def slices_around(self, low_xyz: NDArray[np.float64], high_xyz: NDArray[np.float64]) -> tuple[slice, slice, slice]:
        """Slices (z, y, x) of the samples between two world corners (x, y, z); empty slices where nothing is inside."""
        parts: list[slice] = []
        for start, length, low, high in zip(self.start_mm, self.shape, low_xyz[::-1], high_xyz[::-1], strict=True):
            first = int(np.ceil((low - start) / self.pitch_mm))
            last = int(np.floor((high - start) / self.pitch_mm))
            parts.append(slice(min(max(first, 0), length), min(max(last + 1, 0), length)))
        return (parts[0], parts[1], parts[2])

    def cropped(self, slices: tuple[slice, slice, slice]) -> Lattice:
        """The lattice of a sub-array."""
        z, y, x = (start + part.start * self.pitch_mm for start, part in zip(self.start_mm, slices, strict=True))
        shape = tuple(part.stop - part.start for part in slices)
        return Lattice((z, y, x), self.pitch_mm, (shape[0], shape[1], shape[2]))


def lattice_over(low_xyz: Point, high_xyz: Point, pitch_mm: float, *, endless: bool = False) -> Lattice:
    """A lattice that covers the world box between two corners (x, y, z)."""
    shape = [int(np.ceil((high - low) / pitch_mm)) + 1 for low, high in zip(low_xyz, high_xyz, strict=True)][::-1]
    return Lattice((low_xyz[2], low_xyz[1], low_xyz[0]), pitch_mm, (shape[0], shape[1], shape[2]), endless)


@dataclass(frozen=True, eq=False)
class Field:
    """values: (z, y, x) float32 on a lattice. Mostly a signed distance in mm: negative inside the structure."""

    values: Floats
    lattice: Lattice

    def at(self, axes_mm: tuple[Floats, Floats, Floats]) -> Floats:
        """Linear interpolation at the outer product of three lines of world coordinates (z, y, x).

        Outside the lattice the nearest edge value counts.
        """
        values = self.values
        for axis, (line, start) in enumerate(zip(axes_mm, self.lattice.start_mm, strict=True)):
            index = (line.astype(np.float64) - start) / self.lattice.pitch_mm
            values = _interpolated(values, np.clip(index, 0, values.shape[axis] - 1), axis)
        return values

    def on(self, lattice: Lattice) -> Floats:
        """The values on another lattice."""
        z, y, x = lattice.coordinates()
        return self.at((z.ravel(), y.ravel(), x.ravel()))


def _interpolated(values: Floats, index: NDArray[np.float64], axis: int) -> Floats:
    """Linear interpolation along one axis at continuous indices within the array."""
    low = np.minimum(index.astype(np.int64), max(values.shape[axis] - 2, 0))
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = -1
    weight = (index - low).astype(np.float32).reshape(shape)
    lower: Floats = values.take(low, axis)
    upper: Floats = values.take(high, axis)
    upper -= lower
    upper *= weight
    upper += lower
    return upper
