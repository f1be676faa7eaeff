"""The part of a volume where there is something: a gland and what was searched for it fill little of a scan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.geometry import Geometry

AnyDType = TypeVar("AnyDType", bound=np.generic)
_ONE_VOXEL = Box((0, 0, 0), (1, 1, 1))  # of a volume without anything


@dataclass(frozen=True, eq=False)
class VolumePart(Generic[AnyDType]):
    """A (z, y, x) volume that is 0 outside of a box.

    values: (z, y, x) of the box. geometry: of the whole volume. Raises ValueError when they do not fit.
    """

    values: NDArray[AnyDType]
    box: Box
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.values.shape != self.box.shape:
            raise ValueError(f"the values are {self.values.shape}, their box says {self.box.shape}")
        if any(stop > length for stop, length in zip(self.box.stop, self.geometry.shape, strict=True)):
            raise ValueError(f"the box ends at {self.box.stop}, beyond a volume of {self.geometry.shape}")

    @classmethod
    def of(cls, whole: NDArray[AnyDType], geometry: Geometry) -> VolumePart[AnyDType]:
        """The smallest part of a volume with all that is not 0; the first voxel where everything is. A view."""
        box = bounding_box(whole) or _ONE_VOXEL
        return cls(whole[box.slices], box, geometry)

    @classmethod
    def empty(cls, dtype: type[AnyDType], geometry: Geometry) -> VolumePart[AnyDType]:
        """A volume that is 0 everywhere."""
        return cls(np.zeros(_ONE_VOXEL.shape, dtype), _ONE_VOXEL, geometry)

    @property
    def part_geometry(self) -> Geometry:
        """Where the values lie."""
        return self.geometry.cropped(self.box)

    @property
    def planes(self) -> Iterable[NDArray[AnyDType]]:
        """The (y, x) planes of the whole volume, which is never made; they can be asked for again and again."""
        return _PartPlanes(self)

    def whole(self) -> NDArray[AnyDType]:
        """(z, y, x) of the whole volume, a new array."""
        return self.inside(Box((0, 0, 0), self.geometry.shape))

    def inside(self, box: Box) -> NDArray[AnyDType]:
        """(z, y, x) of another box of the same volume, a new array."""
        found: NDArray[Any] = np.zeros(box.shape, self.values.dtype)
        shared = self.box.shared(box)
        if shared is not None:
            values: NDArray[Any] = self.values
            found[shared.relative_to(box).slices] = values[shared.relative_to(self.box).slices]
        return found

    def sha256(self) -> str:
        """`voxels_sha256` of the whole volume, which is never made."""
        return voxels_sha256(self.planes)


@dataclass(frozen=True, eq=False)
class _PartPlanes(Generic[AnyDType]):
    part: VolumePart[AnyDType]

    def __iter__(self) -> Iterator[NDArray[AnyDType]]:
        """One array for all planes: each holds until the next one is asked for."""
        box, values = self.part.box, self.part.values
        plane: NDArray[Any] = np.zeros(self.part.geometry.shape[1:], values.dtype)
        (first, last), (_, rows, columns) = (box.start[0], box.stop[0]), box.slices
        for z in range(self.part.geometry.shape[0]):
            plane[rows, columns] = values[z - first] if first <= z < last else 0
            yield plane
