"""Vessels and ducts measured: caliber of the ducts, contact of the tumor with the vessels (ADR 0037).

Numbers of a segmentation, with their method stated. They are no stage: nothing here says what can be resected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.inference.findings import longest_diameter_mm
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.structure_measures import StructureMeasures
from PDACScreeningLib.volume.anatomy import Anatomy, AnatomyPart, Structure
from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation
from PDACScreeningLib.volume.working_grid import WorkingGrid

MIN_VESSEL_MM = 3.0  # ours: caliber from which on a cross-section has an angle; of a thinner one a pixel is 30 degrees
VESSELS = (Structure.VEINS, Structure.ARTERIES)
_ALL_NEIGHBORS_2D, _ALL_NEIGHBORS_3D = np.ones((3, 3), np.bool_), np.ones((3, 3, 3), np.bool_)
_SIDES = ((0, 1), (0, -1), (1, 1), (1, -1))  # (axis of (y, x), direction) of the four sides of a pixel


def with_anatomy(screening: Screening, label_map: LabelMap, anatomy: Anatomy | None) -> Screening:
    """The screening with the measures of an anatomy, for every Structure; as it is where there is none.

    label_map: pancreas and tumor on the same grid, the scan's own. Raises GeometryMismatch for another one.
    """
    if anatomy is None:
        return screening
    if not anatomy.geometry.is_close(label_map.geometry):
        raise GeometryMismatch("the anatomy lies on another grid than the label map: export both on the scan's grid")
    orientation = canonical_orientation(anatomy.geometry)
    geometry = orientation.canonical_geometry(anatomy.geometry)
    structures = orientation.to_canonical(anatomy.structures)
    tumor = orientation.to_canonical(label_map.labels) == Label.TUMOR
    measured = (_measured(structure, structures, tumor, geometry, anatomy.looked_at) for structure in Structure)
    return replace(screening, anatomy=tuple(measured))


def native_anatomy(part: AnatomyPart, grid: WorkingGrid) -> Anatomy:
    """An anatomy of the working grid on the scan's own one; each structure by itself, by the rules of labels."""
    whole = part.whole()
    native = np.zeros(grid.native.shape, np.uint8)
    for structure in whole.looked_at:
        mask = (whole.structures == structure).astype(np.uint8)
        native[grid.labels_to_native(mask).labels != 0] = structure
    return Anatomy(native, grid.native, whole.looked_at)


def largest_caliber_mm(duct: NDArray[np.bool_], geometry: Geometry) -> float | None:
    """Diameter of the largest ball inside a duct; None for a duct without a voxel.

    duct: (z, y, x). Twice the greatest distance from the center of a voxel of the duct to that of one outside, which
    is right to about one voxel: the radius reaches half a voxel too far, the middle is missed by as much.
    """
    box = bounding_box(duct)
    if box is None:
        return None
    part = np.pad(duct[box.slices], 1)  # the scan's border counts as outside
    return 2 * float(ndimage.distance_transform_edt(part, sampling=geometry.spacing_mm[::-1]).max())


def longest_contact_mm(vessel: NDArray[np.bool_], tumor: NDArray[np.bool_], geometry: Geometry) -> float:
    """Greatest distance between two points of one connected area where a vessel touches tumor; 0 without contact.

    vessel, tumor: (z, y, x). A voxel of the vessel touches where it shares a face with tumor, or is tumor itself.
    """
    box = bounding_box(tumor)
    if box is None:
        return 0.0
    near = _grown(box, vessel.shape)
    touching = vessel[near.slices] & ndimage.binary_dilation(tumor[near.slices])
    areas, _ = ndimage.label(touching, structure=_ALL_NEIGHBORS_3D)
    places = enumerate(ndimage.find_objects(areas), start=1)
    return max((longest_diameter_mm(areas[place] == number, geometry) for number, place in places), default=0.0)


def largest_contact_degrees(vessel: NDArray[np.bool_], tumor: NDArray[np.bool_], geometry: Geometry) -> float:
    """Largest part of a vessel's outline on one axial slice that touches tumor, as an angle of 360; 0 without contact.

    vessel, tumor: (z, y, x) in canonical order, so that a slice is axial. Each connected cross-section (8 neighbors) of
    the caliber MIN_VESSEL_MM or more is looked at by itself. Every side of its pixels counts by the angle under which
    the middle of the cross-section sees it; of a round vessel that is the angle around its axis.
    """
    spacing_mm = geometry.spacing_mm[1::-1]
    box = bounding_box(tumor)
    if box is None:
        return 0.0
    slices = range(box.start[0], box.stop[0])
    angles = (_degrees(vessel[z], tumor[z], (spacing_mm[0], spacing_mm[1])) for z in slices)
    return max((angle for of_slice in angles for angle in of_slice), default=0.0)


def _measured(
    structure: Structure,
    structures: LABELS_ZYX,
    tumor: NDArray[np.bool_],
    geometry: Geometry,
    looked_at: tuple[Structure, ...],
) -> StructureMeasures:
    if structure not in looked_at:
        return StructureMeasures(structure.words, False)
    own = structures == structure
    volume_mm3 = int(np.count_nonzero(own)) * geometry.voxel_volume_mm3
    if structure not in VESSELS:
        return StructureMeasures(
            structure.words, True, volume_mm3, largest_caliber_mm=largest_caliber_mm(own, geometry)
        )
    return StructureMeasures(
        structure.words,
        True,
        volume_mm3,
        longest_contact_mm=longest_contact_mm(own, tumor, geometry),
        largest_contact_degrees=largest_contact_degrees(own, tumor, geometry),
    )


def _grown(box: Box, shape: tuple[int, ...]) -> Box:
    """A box with one voxel more on each side, inside a volume."""
    z0, y0, x0 = (max(0, start - 1) for start in box.start)
    z1, y1, x1 = (min(length, stop + 1) for length, stop in zip(shape, box.stop, strict=True))
    return Box((z0, y0, x0), (z1, y1, x1))


def _degrees(vessel: NDArray[np.bool_], tumor: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Iterator[float]:
    """The angle of each cross-section of a slice (y, x) that is large enough."""
    sections, _ = ndimage.label(vessel, structure=_ALL_NEIGHBORS_2D)
    smallest = math.pi / 4 * MIN_VESSEL_MM**2 / math.prod(spacing_mm)
    for number, place in enumerate(ndimage.find_objects(sections), start=1):
        section = sections[place] == number
        if np.count_nonzero(section) >= smallest:
            around = np.pad(tumor, 1)[place[0].start : place[0].stop + 2, place[1].start : place[1].stop + 2]
            yield _touched_degrees(np.pad(section, 1), around, spacing_mm)


def _touched_degrees(section: NDArray[np.bool_], tumor: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> float:
    """section, tumor: (y, x) of one cross-section with one pixel around it."""
    middle = np.argwhere(section).mean(axis=0)
    seen, touched = 0.0, 0.0
    for axis, direction in _SIDES:
        beyond = np.roll(section, -direction, axis)
        sides = section & ~beyond
        contact = tumor | np.roll(tumor, -direction, axis)
        angles = _seen_under(np.argwhere(sides) - middle, axis, direction, spacing_mm)
        seen += float(angles.sum())
        touched += float(angles[contact[sides]].sum())
    return min(360.0, 360 * touched / seen)  # sums in another order differ in the last digit


def _seen_under(
    pixels: NDArray[np.float64], axis: int, direction: int, spacing_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """The angle under which the middle (0, 0) sees one side of each pixel (n, 2) as (y, x)."""
    start = pixels.copy()
    start[:, axis] += 0.5 * direction
    stop = start.copy()
    start[:, 1 - axis] -= 0.5
    stop[:, 1 - axis] += 0.5
    (y0, x0), (y1, x1) = (start * spacing_mm).T, (stop * spacing_mm).T
    angles: NDArray[np.float64] = np.abs(np.arctan2(x0 * y1 - y0 * x1, x0 * x1 + y0 * y1))
    return angles
