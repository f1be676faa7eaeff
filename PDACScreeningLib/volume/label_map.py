"""A label map: background, pancreas or tumor for every voxel (M in section 2.1 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.geometry import Geometry


class Label(IntEnum):
    """In the tumor (2), outside the tumor but inside the pancreas (1), or outside the pancreas (0)."""

    BACKGROUND = 0
    PANCREAS = 1
    TUMOR = 2


@dataclass(frozen=True, eq=False)
class LabelMap:
    """labels: (z, y, x) uint8 values of Label; geometry: where the voxels lie.

    Raises GeometryMismatch when the array has another shape, ValueError for another dtype or a foreign value.
    """

    labels: LABELS_ZYX
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.labels.dtype != np.uint8:
            raise ValueError(f"a label map holds uint8 values, got {self.labels.dtype}")
        if self.labels.shape != self.geometry.shape:
            raise GeometryMismatch(f"label array is {self.labels.shape}, its geometry says {self.geometry.shape}")
        if self.labels.size and self.labels.max() > Label.TUMOR:
            raise ValueError(f"labels must be 0, 1 or 2, found {int(self.labels.max())}")

    def cropped(self, box: Box) -> LabelMap:
        """The part inside `box`, as a view; a voxel keeps its place in the world."""
        return LabelMap(self.labels[box.slices], self.geometry.cropped(box))

    def count(self, label: Label) -> int:
        """Number of voxels with this label."""
        return sum(int(np.count_nonzero(plane == label)) for plane in self.labels)  # a mask of all takes memory

    def volume_mm3(self, label: Label) -> float:
        """Volume of a label."""
        return self.count(label) * self.geometry.voxel_volume_mm3
