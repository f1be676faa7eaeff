"""Slices of a tilted gantry, or of two distances -> a grid of right angles and even spacing.

Linear interpolation, as 3D Slicer does by default: each slice is shifted in its plane, then two slices are mixed.

tilted  / / / /      becomes  | | | |      wide enough to hold every slice; air where nothing was scanned
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib.scan_files.slice_distances import SlicePlaces
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry

_ON_THE_SLICE = 1e-3  # of a slice distance


@dataclass(frozen=True, eq=False)
class _Mix:
    """Slice `below` and the next one, and how much of the latter."""

    below: int
    share: float


def regular_geometry(first: Geometry, places: SlicePlaces) -> Geometry:
    """The grid that holds all slices. first: the slices as if they were stacked straight, from the first one."""
    spacing_x, spacing_y, _ = first.spacing_mm
    low = np.floor(places.sideways_mm.min(axis=0) / (spacing_x, spacing_y) + 1e-6)
    high = np.ceil(places.sideways_mm.max(axis=0) / (spacing_x, spacing_y) - 1e-6)
    _, rows, columns = first.shape
    slices = int(np.floor(places.along_mm[-1] / places.distance_mm + _ON_THE_SLICE)) + 1
    x, y, z = (float(mm) for mm in first.index_to_world((0.0, low[1], low[0])))
    shape = (slices, rows + int(high[1] - low[1]), columns + int(high[0] - low[0]))
    return Geometry(shape, (spacing_x, spacing_y, places.distance_mm), (x, y, z), first.direction).rounded()


def made_regular(hu: NDArray[np.int16], first: Geometry, places: SlicePlaces) -> CTVolume:
    """hu: (n, rows, columns) HU of the slices as they were measured. Where no slice was, there is air."""
    target = regular_geometry(first, places)
    # the grid's corner against the first slice, in its own plane
    corner_mm = (np.array(target.origin_mm) - first.origin_mm) @ first.axes[:, :2]
    regular = np.empty(target.shape, np.int16)
    shifted: dict[int, NDArray[np.float32]] = {}
    for z in range(target.shape[0]):
        mix = _mix(places.along_mm, z * places.distance_mm)
        wanted = {mix.below} if mix.share == 0 else {mix.below, mix.below + 1}
        shifted = {
            i: shifted[i] if i in shifted else _shifted(hu[i], places.sideways_mm[i] - corner_mm, target)
            for i in wanted
        }
        plane = shifted[mix.below]
        if mix.share:
            plane = (1 - mix.share) * plane + mix.share * shifted[mix.below + 1]
        regular[z] = np.rint(plane)
    return CTVolume(regular, target)


def _mix(along_mm: NDArray[np.float64], height_mm: float) -> _Mix:
    below = int(np.clip(np.searchsorted(along_mm, height_mm, side="right") - 1, 0, len(along_mm) - 2))
    share = float(np.clip((height_mm - along_mm[below]) / (along_mm[below + 1] - along_mm[below]), 0, 1))
    if share < _ON_THE_SLICE:
        return _Mix(below, 0.0)
    return _Mix(below + 1, 0.0) if share > 1 - _ON_THE_SLICE else _Mix(below, share)


def _shifted(plane: NDArray[np.int16], from_corner_mm: NDArray[np.float64], target: Geometry) -> NDArray[np.float32]:
    """The plane on the target's rows and columns. from_corner_mm: of its first pixel, (x, y)."""
    spacing = target.spacing_mm[:2]
    image = sitk.GetImageFromArray(plane.astype(np.float32))
    image.SetSpacing(spacing)
    image.SetOrigin([float(mm) for mm in from_corner_mm])
    size = [target.shape[2], target.shape[1]]
    moved = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, (0.0, 0.0), spacing, (1.0, 0.0, 0.0, 1.0), float(AIR_HU)
    )
    array: NDArray[np.float32] = sitk.GetArrayFromImage(moved)
    return array


def what_was_made_regular(places: SlicePlaces) -> str:
    """The warning that belongs to every result on such a grid."""
    reasons = []
    if places.tilt_degrees:
        reasons.append(f"are stacked at {places.tilt_degrees:.1f} degrees from a right angle (a tilted gantry)")
    if not places.is_even:
        gaps = np.diff(places.along_mm)
        reasons.append(f"lie {gaps.min():.2f} to {gaps.max():.2f} mm apart")
    return (
        f"the slices {' and '.join(reasons)}; they were made regular by linear interpolation, and the result is given "
        "on that regular grid, not on the scan's own slices"
    )
