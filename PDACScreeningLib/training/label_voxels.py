"""Where the voxels of a label lie, and how many of them a cube holds, without reading the cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.training.case_store import Case
from PDACScreeningLib.volume.geometry import ZYX
from PDACScreeningLib.volume.label_map import Label


@dataclass(frozen=True)
class LabelVoxels:
    """The voxels of one label of a case. There may be none.

    positions: (n, 3) int16, (z, y, x) in reading order.
    sums: over the label's own box, one voxel longer along each axis; an entry is the number of voxels before it along
        all three axes, modulo the range of its type. 2 or 4 bytes a voxel of the box, some megabytes a case.
    first: voxel of the volume where that box begins.
    """

    positions: NDArray[np.int16]
    sums: NDArray[np.uint16] | NDArray[np.uint32]
    first: ZYX

    @staticmethod
    def of(case: Case, label: Label, cube_size: int) -> LabelVoxels:
        """All voxels of a label, to be counted in cubes of `cube_size` voxels a side."""
        gland = case.facts.gland
        inside = np.argwhere(case.labels[gland.slices] == label)
        if not inside.size:
            return LabelVoxels(inside.astype(np.int16), np.zeros((1, 1, 1), np.uint16), gland.start)
        low, high = inside.min(axis=0), inside.max(axis=0)
        sums = np.zeros(high - low + 2, np.uint16 if cube_size**3 < 2**16 else np.uint32)
        sums[tuple((inside - low + 1).T)] = 1
        for axis in range(3):
            np.cumsum(sums, axis=axis, dtype=sums.dtype, out=sums)
        z, y, x = (low + gland.start).tolist()
        return LabelVoxels((inside + gland.start).astype(np.int16), sums, (z, y, x))

    def count_inside(self, corner: ZYX, cube_size: int) -> int:
        """How many lie in the cube that begins at a corner, by eight corners of the sums.

        Exact although the sums wrap around, because no cube holds more than their type can tell.
        """
        (z0, z1), (y0, y1), (x0, x1) = (
            (min(max(start - first, 0), length - 1), min(max(start + cube_size - first, 0), length - 1))
            for start, first, length in zip(corner, self.first, self.sums.shape, strict=True)
        )
        at = self.sums.item
        near = at(z0, y1, x1) - at(z0, y0, x1) - at(z0, y1, x0) + at(z0, y0, x0)
        far = at(z1, y1, x1) - at(z1, y0, x1) - at(z1, y1, x0) + at(z1, y0, x0)
        return int(far - near) % (1 << 8 * self.sums.itemsize)
