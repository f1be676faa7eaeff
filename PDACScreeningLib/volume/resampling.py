"""Separable resampling between two grids that share center and direction.

Linear interpolation. For images, where the target is coarser, the triangle is widened by the factor, so that every
source voxel counts (antialiasing); labels and probabilities are read off at the target's centers, because the wider
triangle would thin them. Beyond its edge a volume continues with its edge voxel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from PDACScreeningLib.volume.geometry import Geometry

_SLAB_SLICES = 16  # target slices held in float32 at once
_SAME_POSITION_VOXELS = 1e-6


@dataclass(frozen=True, eq=False)
class AxisWeights:
    """Weights of one axis: target = matrix @ source. None stands for an axis that stays as it is."""

    matrix: sparse.csr_array | None
    length: int  # of the target

    def sources(self, start: int, stop: int) -> tuple[int, int]:
        """The half-open range of source voxels that target voxels start..stop rest on."""
        if self.matrix is None:
            return start, stop
        used = self.matrix[start:stop].indices
        return int(used.min()), int(used.max()) + 1

    def targets(self, start: int, stop: int) -> tuple[int, int]:
        """The half-open range of target voxels that source voxels start..stop have weight in; (0, 0) if none."""
        if self.matrix is None:
            return start, stop
        touched = np.flatnonzero(np.diff(self.matrix[:, start:stop].tocsr().indptr))
        return (int(touched[0]), int(touched[-1]) + 1) if touched.size else (0, 0)

    def part(self, target: tuple[int, int], source: tuple[int, int]) -> AxisWeights:
        """The weights of a range of target voxels in a range of source voxels."""
        length = target[1] - target[0]
        if self.matrix is None:
            return AxisWeights(None, length)
        return AxisWeights(self.matrix[target[0] : target[1], source[0] : source[1]].tocsr(), length)

    def apply(self, array: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        """Resample one axis of a float32 array."""
        if self.matrix is None:
            return array
        moved = np.moveaxis(array, axis, 0)
        flat = self.matrix @ np.ascontiguousarray(moved).reshape(moved.shape[0], -1)
        return np.moveaxis(flat.reshape(self.length, *moved.shape[1:]), 0, axis)


GridWeights = tuple[AxisWeights, AxisWeights, AxisWeights]


def grid_weights(source: Geometry, target: Geometry, *, antialias: bool) -> GridWeights:
    """Weights along (z, y, x) from one grid to another with the same center and direction."""
    z, y, x = (
        axis_weights(
            source.shape[axis],
            source.spacing_mm[2 - axis],
            target.shape[axis],
            target.spacing_mm[2 - axis],
            antialias=antialias,
        )
        for axis in range(3)
    )
    return (z, y, x)


def axis_weights(
    source_length: int, source_mm: float, target_length: int, target_mm: float, *, antialias: bool
) -> AxisWeights:
    """Weights of `target_length` voxels of `target_mm` over `source_length` voxels of `source_mm`, centers together.

    source  |--o--|--o--|--o--|--o--|        o a voxel center, x a target center; x rests on the two o beside it,
    target  |---x----|---x----|---x----|     or, antialiased, on all o within its own width

    Each row sums to 1 and has its center of mass at its own position, so constants and linear ramps are kept.
    """
    step = target_mm / source_mm
    position = (np.arange(target_length, dtype=np.float64) - (target_length - 1) / 2) * step + (source_length - 1) / 2
    if source_length == target_length and np.abs(position - np.arange(source_length)).max() < _SAME_POSITION_VOXELS:
        return AxisWeights(None, target_length)
    width = max(1.0, step) if antialias else 1.0
    reach = int(np.ceil(width))
    source = np.floor(position)[:, None] + np.arange(-reach + 1, reach + 1, dtype=np.float64)
    weights = np.maximum(0.0, 1.0 - np.abs(source - position[:, None]) / width)
    weights = _centered(weights / weights.sum(1, keepdims=True), source, position)
    inside = np.clip(source, 0, source_length - 1).astype(np.int32)
    rows = np.broadcast_to(np.arange(target_length, dtype=np.int32)[:, None], inside.shape)
    keep = weights > 0
    matrix = sparse.coo_array(
        (weights[keep].astype(np.float32), (rows[keep], inside[keep])), shape=(target_length, source_length)
    )
    return AxisWeights(matrix.tocsr(), target_length)  # tocsr adds up what was clipped to the same edge voxel


def _centered(
    weights: NDArray[np.float64], source: NDArray[np.float64], position: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Tilt each row a little so that its center of mass is its position; a sampled wide triangle misses it slightly."""
    mean = (weights * source).sum(1, keepdims=True)
    offset = source - mean
    variance = (weights * offset**2).sum(1, keepdims=True)
    tilt = np.divide(position[:, None] - mean, variance, out=np.zeros_like(mean), where=variance > 1e-12)
    tilted: NDArray[np.float64] = weights * (1.0 + tilt * offset)
    return tilted


def resampled_slabs(array: NDArray[np.generic], weights: GridWeights) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """The resampled (z, y, x) array slab by slab: target z range, float32 values.

    Slabs keep the memory at a few slices whatever the size of the volume. A slice is resampled in its plane before
    slices are mixed along z.
    """
    along_z, along_y, along_x = weights
    for start in range(0, along_z.length, _SLAB_SLICES):
        stop = min(start + _SLAB_SLICES, along_z.length)
        low, high = along_z.sources(start, stop)
        planes = np.empty((high - low, along_y.length, along_x.length), np.float32)
        for plane, source in zip(planes, array[low:high], strict=True):
            plane[:] = along_x.apply(along_y.apply(source.astype(np.float32), 0), 1)
        yield slice(start, stop), along_z.part((start, stop), (low, high)).apply(planes, 0)
