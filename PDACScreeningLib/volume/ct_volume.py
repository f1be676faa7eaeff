"""A CT volume: Hounsfield units on a grid (X in section 2.1 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.volume.arrays import HU_ZYX
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.geometry import Geometry

AIR_HU = -1024


@dataclass(frozen=True, eq=False)
class CTVolume:
    """hu: (z, y, x) int16 Hounsfield units; geometry: where the voxels lie.

    Raises GeometryMismatch when the array has another shape, ValueError when it is not int16.
    """

    hu: HU_ZYX
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.hu.dtype != np.int16:
            raise ValueError(f"a CT volume holds int16 Hounsfield units, got {self.hu.dtype}")
        if self.hu.shape != self.geometry.shape:
            raise GeometryMismatch(f"CT array is {self.hu.shape}, its geometry says {self.geometry.shape}")

    def cropped(self, box: Box) -> CTVolume:
        """The part inside `box`, as a view; a voxel keeps its place in the world."""
        return CTVolume(self.hu[box.slices], self.geometry.cropped(box))
