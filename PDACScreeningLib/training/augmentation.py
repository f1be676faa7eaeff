"""Data augmentation: the 48 symmetries of the cube (section 2.2).

"Data augmentation is performed by randomly flipping patches and rotating by 90, 180 and 270 degrees over three axes."
Flips and quarter turns generate exactly 48 maps: six axis orders times eight choices of direction.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Voxel = TypeVar("Voxel", bound=np.generic)


@dataclass(frozen=True)
class CubeSymmetry:
    """One way to lay a cube onto itself: reorder the axes, then reverse some of them."""

    axis_order: tuple[int, int, int]
    reversed_axes: tuple[int, ...]

    def __call__(self, patch: NDArray[Voxel]) -> NDArray[Voxel]:
        """The patch (z, y, x), a cube, after the symmetry; a view. Image and labels take the same one."""
        return patch.transpose(self.axis_order)[self._directions]

    @cached_property
    def _directions(self) -> tuple[slice, slice, slice]:
        z, y, x = (slice(None, None, -1 if axis in self.reversed_axes else 1) for axis in range(3))
        return (z, y, x)


CUBE_SYMMETRIES = tuple(
    CubeSymmetry((order[0], order[1], order[2]), tuple(axis for axis in range(3) if reverse[axis]))
    for order in permutations(range(3))
    for reverse in product((False, True), repeat=3)
)

IDENTITY = CUBE_SYMMETRIES[0]

# Ours: flips along all axes and quarter turns in the axial plane only, for voxels that are longer along z (ADR 0020).
AXIAL_SYMMETRIES = tuple(symmetry for symmetry in CUBE_SYMMETRIES if symmetry.axis_order[0] == 0)

_SETS = {"cube": CUBE_SYMMETRIES, "axial": AXIAL_SYMMETRIES}


def random_symmetry(rng: np.random.Generator, among: Literal["cube", "axial"] = "cube") -> CubeSymmetry:
    """One of the 48, or of the 16 that keep the z axis; each equally likely."""
    symmetries = _SETS[among]
    return symmetries[rng.integers(len(symmetries))]
