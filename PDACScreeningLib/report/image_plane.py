"""A rectangle of the patient as a radiologist looks at it, sampled from a scan of any orientation and spacing.

Planes are laid through world positions, not along the file's axes, so a scan stored in any of the 48 ways, or scanned
obliquely, gives the same picture: patient right on the left of the picture, superior or anterior up, square pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import XYZ, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap


@dataclass(frozen=True)
class View:
    """A way of looking: which patient directions (LPS) run to the right and down in the picture."""

    name: str
    right: XYZ
    down: XYZ
    edges: tuple[str, str, str, str]  # letters at the left, right, top, bottom


AXIAL = View("Axial", (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), ("R", "L", "A", "P"))
CORONAL = View("Coronal", (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), ("R", "L", "S", "I"))
SAGITTAL = View("Sagittal", (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), ("A", "P", "S", "I"))
VIEWS = (AXIAL, CORONAL, SAGITTAL)


PixelBox = tuple[slice, slice]  # rows, columns


@dataclass(frozen=True)
class ImagePlane:
    """A square of `pixels` x `pixels` square pixels around a point of the patient."""

    view: View
    center_lps_mm: XYZ
    side_mm: float
    pixels: int

    @property
    def pixel_mm(self) -> float:
        """Side of one pixel."""
        return self.side_mm / self.pixels

    @property
    def whole(self) -> PixelBox:
        """All of its pixels."""
        return (slice(0, self.pixels), slice(0, self.pixels))

    def positions(self, part: PixelBox | None = None) -> NDArray[np.float64]:
        """(row, column, 3): LPS mm of every pixel center, of a part where one is given."""
        rows, columns = part or self.whole
        offsets_mm = (np.arange(self.pixels) - (self.pixels - 1) / 2) * self.pixel_mm
        right = offsets_mm[np.newaxis, columns, np.newaxis] * np.array(self.view.right)
        down = offsets_mm[rows, np.newaxis, np.newaxis] * np.array(self.view.down)
        positions: NDArray[np.float64] = np.array(self.center_lps_mm) + right + down
        return positions

    def pixel_of(self, position_lps_mm: XYZ) -> tuple[float, float]:
        """(row, column) where a position projects to; it may lie outside the picture."""
        offset_mm = np.subtract(position_lps_mm, self.center_lps_mm)
        row, column = (offset_mm @ np.array(axis) / self.pixel_mm for axis in (self.view.down, self.view.right))
        middle = (self.pixels - 1) / 2
        return (float(row) + middle, float(column) + middle)

    def part_of(self, geometry: Geometry, room: int, multiple: int = 1) -> PixelBox | None:
        """The pixels onto which a grid projects, with so many more on each side; None where that is beside the picture.

        Begins and ends at multiples of `multiple`, which divides the picture's side.
        """
        corners = [self.pixel_of((float(x), float(y), float(z))) for x, y, z in _corners(geometry)]
        low = np.floor(np.min(corners, axis=0)).astype(int) - room
        high = np.ceil(np.max(corners, axis=0)).astype(int) + 1 + room
        starts = np.clip(low // multiple * multiple, 0, self.pixels)
        stops = np.clip(-(-high // multiple) * multiple, 0, self.pixels)
        if (stops <= starts).any():
            return None
        return (slice(int(starts[0]), int(stops[0])), slice(int(starts[1]), int(stops[1])))


def whole_plane(view: View, geometry: Geometry, point_lps_mm: XYZ, side_mm: float, pixels: int) -> ImagePlane:
    """The plane through a point that shows the whole scan along each axis, or `side_mm` of it near the point."""
    low, high = world_bounds(geometry)
    center = np.array(point_lps_mm)
    for axis in (view.right, view.down):
        world = int(np.argmax(np.abs(axis)))
        room = (high[world] - low[world] - side_mm) / 2
        middle = (high[world] + low[world]) / 2
        center[world] = middle if room <= 0 else np.clip(center[world], middle - room, middle + room)
    x, y, z = (float(mm) for mm in center)
    return ImagePlane(view, (x, y, z), side_mm, pixels)


def world_bounds(geometry: Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest LPS mm (x, y, z) of the grid's outer faces."""
    world = _corners(geometry)
    return world.min(axis=0), world.max(axis=0)


def _corners(geometry: Geometry) -> NDArray[np.float64]:
    """(8, 3): LPS mm of the corners of the outermost voxels."""
    corners: NDArray[np.float64] = geometry.index_to_world(
        np.array(list(np.ndindex(2, 2, 2))) * np.array(geometry.shape) - 0.5
    )
    return corners


def sample_hu(ct: CTVolume, plane: ImagePlane) -> NDArray[np.float32]:
    """(row, column) Hounsfield units, linear between voxels; air outside the scan."""
    indices = np.moveaxis(ct.geometry.world_to_index(plane.positions()), -1, 0)
    hu: NDArray[np.float32] = ndimage.map_coordinates(
        ct.hu, indices, output=np.float32, order=1, mode="grid-constant", cval=AIR_HU
    )
    return hu


def sample_label(
    label_map: LabelMap, label: Label, plane: ImagePlane, part: PixelBox | None = None
) -> NDArray[np.bool_]:
    """(row, column): where a label covers more than half, linear between voxels, so that outlines are smooth.

    Hand over the label map cropped to what is labeled: the mask is made as float32 first. part: of the plane.
    """
    indices = np.moveaxis(label_map.geometry.world_to_index(plane.positions(part)), -1, 0)
    mask = (label_map.labels == label).astype(np.float32)
    share = ndimage.map_coordinates(mask, indices, output=np.float32, order=1, mode="grid-constant", cval=0.0)
    covered: NDArray[np.bool_] = share > 0.5
    return covered
