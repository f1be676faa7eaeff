"""Vessels and ducts around and inside the pancreas, where a segmentation tells them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.part import VolumePart


class Structure(IntEnum):
    """What some models see beside pancreas and tumor. The number is the one in `Anatomy.structures`."""

    VEINS = 1
    ARTERIES = 2
    DUCT = 3
    BILE_DUCT = 4

    @property
    def words(self) -> str:
        """E.g. "pancreatic duct"."""
        return _WORDS[self]


_WORDS = {
    Structure.VEINS: "veins",
    Structure.ARTERIES: "arteries",
    Structure.DUCT: "pancreatic duct",
    Structure.BILE_DUCT: "common bile duct",
}


STRUCTURES_BY_NAME = {structure.name.lower(): structure for structure in Structure}  # veins, arteries, duct, bile_duct


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A value of its own beside a LabelMap on the same grid: a duct lies inside the pancreas, a vessel may in tumor.

    structures: (z, y, x) uint8 values of Structure, 0 elsewhere; structures do not overlap each other.
    looked_at: what the model can see. Of these, one without a voxel was looked for and not found; of all others nothing
    is known. An engine that sees any puts an AnatomyPart of the grid it was asked on into `Segmentation.anatomy`;
    `inference/screening` brings it to the scan's own grid, measures it into `Screening.anatomy`, and it ends up in
    `Answer.anatomy`. An engine that sees none leaves it None.
    Raises GeometryMismatch when the array has another shape, ValueError for another dtype or a foreign value.
    """

    structures: LABELS_ZYX
    geometry: Geometry
    looked_at: tuple[Structure, ...]

    def __post_init__(self) -> None:
        if self.structures.dtype != np.uint8:
            raise ValueError(f"an anatomy holds uint8 values, got {self.structures.dtype}")
        if self.structures.shape != self.geometry.shape:
            raise GeometryMismatch(f"the anatomy is {self.structures.shape}, its geometry says {self.geometry.shape}")
        foreign = np.setdiff1d(np.unique(self.structures), (0, *self.looked_at))
        if foreign.size:
            raise ValueError(f"the anatomy holds {int(foreign[0])}, which was not looked at")


@dataclass(frozen=True, eq=False)
class AnatomyPart:
    """An anatomy of which only the part that is not 0 is kept. Raises ValueError for a foreign value."""

    part: VolumePart[np.uint8]
    looked_at: tuple[Structure, ...]

    def __post_init__(self) -> None:
        Anatomy(self.part.values, self.part.part_geometry, self.looked_at)

    def whole(self) -> Anatomy:
        """With all voxels."""
        return Anatomy(self.part.whole(), self.part.geometry, self.looked_at)
