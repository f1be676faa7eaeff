"""Where voxels lie in the patient: shape, spacing, origin and direction, without the voxels.

Arrays are (z, y, x). Vectors of the world and of the header are (x, y, z), in LPS millimetres, as in ITK and DICOM.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.volume.box import ZYX as ZYX
from PDACScreeningLib.volume.box import Box

XYZ = tuple[float, float, float]
Direction = tuple[float, float, float, float, float, float, float, float, float]

IDENTITY: Direction = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

_POSITION_DECIMALS = 8  # of mm; programs disagree by 1e-13 mm
_SCALE_DECIMALS = 10  # spacing and direction; programs disagree by 1e-15
_FARTHEST_MM = 1e9  # from the origin, and between voxels: no scanner is far from it, and products stay numbers
_NOT_LONGER = 1e-3  # directions of headers are rounded; of huge ones nothing can be computed
_BORDER = (math.sqrt(5) - 1) / 2  # between two rounded numbers; headers hold halves and thirds, never this


@dataclass(frozen=True)
class Geometry:
    """A voxel grid in LPS millimetres.

    shape: voxels along (z, y, x). spacing_mm, origin_mm: (x, y, z); the origin is the center of voxel (0, 0, 0).
    direction: 3x3, row by row; column k is the world direction of index axis k of (x, y, z), as in ITK.
    Raises ValueError for an empty shape, a spacing that is not positive, axes that are not orthonormal, and lengths
    above 1e9 mm.
    """

    shape: ZYX
    spacing_mm: XYZ
    origin_mm: XYZ = (0.0, 0.0, 0.0)
    direction: Direction = IDENTITY

    def __post_init__(self) -> None:
        if any(length < 1 for length in self.shape):
            raise ValueError(f"shape must be three positive lengths (z, y, x), got {self.shape}")
        if not all(0 < mm <= _FARTHEST_MM for mm in self.spacing_mm):
            raise ValueError(f"spacing must be positive, up to {_FARTHEST_MM:g} (x, y, z), got {self.spacing_mm} mm")
        if not all(abs(mm) <= _FARTHEST_MM for mm in self.origin_mm):
            raise ValueError(f"origin must lie within {_FARTHEST_MM:g} mm, got {self.origin_mm}")
        axes = self.axes
        if not (np.abs(axes) <= 1 + _NOT_LONGER).all() or not np.allclose(axes @ axes.T, np.eye(3), atol=1e-3):
            raise ValueError(f"direction is not orthonormal (sheared axes?): {self.direction}")

    @property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): column k is the world direction of index axis k of (x, y, z)."""
        return np.array(self.direction, np.float64).reshape(3, 3)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(self.spacing_mm))

    @property
    def extent_mm(self) -> XYZ:
        """Length of the grid along its own axes (x, y, z), from outer face to outer face."""
        z, y, x = self.shape
        return (x * self.spacing_mm[0], y * self.spacing_mm[1], z * self.spacing_mm[2])

    def index_to_world(self, index_zyx: NDArray[np.floating] | tuple[float, float, float]) -> NDArray[np.float64]:
        """World positions (..., 3) as (x, y, z) LPS mm of continuous voxel indices (..., 3) as (z, y, x)."""
        index_xyz = np.asarray(index_zyx, np.float64)[..., ::-1]
        world: NDArray[np.float64] = (index_xyz * self.spacing_mm) @ self.axes.T + self.origin_mm
        return world

    def world_to_index(self, world_xyz: NDArray[np.floating] | XYZ) -> NDArray[np.float64]:
        """Continuous voxel indices (..., 3) as (z, y, x) of world positions (..., 3) as (x, y, z) LPS mm."""
        index_xyz = (np.asarray(world_xyz, np.float64) - self.origin_mm) @ self.axes / self.spacing_mm
        return index_xyz[..., ::-1]

    def rounded(self) -> Geometry:
        """This grid with numbers that every program agrees on (ADR 0010).

        Readers that turn a header into a matrix and back end up some 1e-13 mm apart. Positions are rounded to 1e-8 mm,
        spacing and direction to 1e-10, so that one file gives one geometry whoever read it. -0.0 becomes 0.0.
        """
        return Geometry(
            self.shape,
            _three(_rounded(self.spacing_mm, _SCALE_DECIMALS)),
            _three(_rounded(self.origin_mm, _POSITION_DECIMALS)),
            _nine(_rounded(self.direction, _SCALE_DECIMALS)),
        )

    def cropped(self, box: Box) -> Geometry:
        """The part of this grid inside `box`; a voxel keeps its place in the world."""
        x, y, z = (float(mm) for mm in self.index_to_world(box.start))
        return Geometry(box.shape, self.spacing_mm, (x, y, z), self.direction)

    def is_close(self, other: Geometry, *, tolerance_voxels: float = 1e-3) -> bool:
        """Whether both grids have the same shape and their voxels coincide within a fraction of a voxel."""
        if self.shape != other.shape:
            return False
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(self.shape) - 1)
        apart_mm = np.abs(self.index_to_world(corners) - other.index_to_world(corners)).max()
        return bool(apart_mm <= tolerance_voxels * min(self.spacing_mm))


def _rounded(values: tuple[float, ...], decimals: int) -> list[float]:
    """Like `round`, but with a border that no usual number lies on: at a half, binary fractions would."""
    return [math.floor(value * 10**decimals + 1 - _BORDER) / 10**decimals for value in values]


def _three(values: list[float]) -> XYZ:
    x, y, z = values
    return (x, y, z)


def _nine(values: list[float]) -> Direction:
    a, b, c, d, e, f, g, h, i = values
    return (a, b, c, d, e, f, g, h, i)
