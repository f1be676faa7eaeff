"""The canonical orientation: axes of the file permuted and flipped, never interpolated.

Index axes (x, y, z) of the canonical array run closest to +L, +P, +S of the patient. What remains of an oblique
direction stays in the direction matrix: an oblique scan is processed along its own axes, so the answer depends on
the voxels alone, and all 48 ways to store one scan give the same canonical array.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.geometry import Direction, Geometry

AnyDType = TypeVar("AnyDType", bound=np.generic)
_PRECISION = 6  # decimals; sums of cosines closer than this are a tie


@dataclass(frozen=True)
class Orientation:
    """How the array axes (z, y, x) of a file become the canonical ones.

    order: canonical axis i is axis order[i] of the file. flipped: canonical axes that run backwards in the file.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def to_canonical(self, array: NDArray[AnyDType]) -> NDArray[AnyDType]:
        """A view of a (z, y, x) array of the file in canonical order."""
        return array.transpose(self.order)[self._flip]

    def to_native(self, array: NDArray[AnyDType]) -> NDArray[AnyDType]:
        """A view of a canonical (z, y, x) array in the order of the file; undoes `to_canonical` exactly."""
        z, y, x = (int(axis) for axis in np.argsort(self.order))
        return array[self._flip].transpose((z, y, x))

    def native_box(self, box: Box, native: Geometry) -> Box:
        """The box of the file's array that `to_canonical` turns into a box of the canonical one."""
        start, stop = [0, 0, 0], [0, 0, 0]
        for axis, flipped, low, high in zip(self.order, self.flipped, box.start, box.stop, strict=True):
            length = native.shape[axis]
            start[axis], stop[axis] = (length - high, length - low) if flipped else (low, high)
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def canonical_box(self, box: Box, native: Geometry) -> Box:
        """The box of the canonical array that a box of the file's array becomes; undoes `native_box` exactly."""
        start, stop = [0, 0, 0], [0, 0, 0]
        for own, (axis, flipped) in enumerate(zip(self.order, self.flipped, strict=True)):
            low, high, length = box.start[axis], box.stop[axis], native.shape[axis]
            start[own], stop[own] = (length - high, length - low) if flipped else (low, high)
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def canonical_geometry(self, native: Geometry) -> Geometry:
        """The geometry of `to_canonical(array)`; every voxel keeps its place in the world."""
        shape = tuple(native.shape[axis] for axis in self.order)
        columns = [2 - axis for axis in self.order[::-1]]  # index axes (x, y, z) instead of array axes (z, y, x)
        spacing = tuple(native.spacing_mm[column] for column in columns)
        signs = np.where(self.flipped[::-1], -1.0, 1.0)
        first = [0.0, 0.0, 0.0]  # the file's index of canonical voxel (0, 0, 0)
        for axis, flipped in zip(self.order, self.flipped, strict=True):
            first[axis] = native.shape[axis] - 1.0 if flipped else 0.0
        x, y, z = (float(mm) for mm in native.index_to_world((first[0], first[1], first[2])))
        return Geometry(
            (shape[0], shape[1], shape[2]),
            (spacing[0], spacing[1], spacing[2]),
            (x, y, z),
            _direction(native.axes[:, columns] * signs),
        )

    @property
    def _flip(self) -> tuple[slice, slice, slice]:
        z, y, x = (slice(None, None, -1) if flipped else slice(None) for flipped in self.flipped)
        return (z, y, x)


def canonical_orientation(native: Geometry) -> Orientation:
    """The axis order whose absolute cosines with (L, P, S) have the largest sum.

    A tie (a scan turned by exactly 45 degrees) is broken by the resulting world directions, so it does not depend
    on how the file happens to store the axes either.
    """
    axes = native.axes
    best: tuple[float, ...] = ()
    chosen = (0, 1, 2)
    for columns in permutations(range(3)):  # columns[k]: index axis of the file that becomes x, y, z
        candidate = axes[:, columns] * np.where(np.diag(axes[:, columns]) < 0, -1.0, 1.0)
        rank = (round(float(np.trace(candidate)), _PRECISION), *np.round(candidate.T.ravel(), _PRECISION).tolist())
        if rank > best:
            best, chosen = rank, (columns[0], columns[1], columns[2])
    x, y, z = chosen
    backwards = np.diag(axes[:, chosen]) < 0
    return Orientation((2 - z, 2 - y, 2 - x), (bool(backwards[2]), bool(backwards[1]), bool(backwards[0])))


def _direction(axes: NDArray[np.float64]) -> Direction:
    a, b, c, d, e, f, g, h, i = (float(value) + 0.0 for value in axes.ravel())  # + 0.0 turns -0.0 into 0.0
    return (a, b, c, d, e, f, g, h, i)
