"""CT slices -> one volume with right angles and even spacing, or the reason why they are none.

Everything is judged by ImagePositionPatient and ImageOrientationPatient: file names, instance numbers and the tilt tag
are often wrong, and ITK spreads whatever slices it gets evenly without a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import LARGEST_SPACING_MM, SMALLEST_SPACING_MM
from PDACScreeningLib.scan_files.input_check import MIN_SLICES
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.volume.geometry import Geometry

SAME_POSITION_MM = 0.01
MAX_TILT_DEGREES = 0.1
MAX_UNEVENNESS = 0.1  # of a slice distance
_SAME_DIRECTION = 1e-3
_ROUNDED_POSITION_MM = 0.05  # headers often round positions
_MISSING_ABOVE = 1.5  # times the usual distance
_FEW = 0.25  # of the distances; more wide ones mean that the spacing changes

SamePixels = Callable[[SliceHeader, SliceHeader], bool]


@dataclass(frozen=True)
class SliceStack:
    """Slices in the order of the volume, lowest z index first."""

    slices: tuple[SliceHeader, ...]
    geometry: Geometry
    warnings: tuple[str, ...]


def stack_slices(headers: Sequence[SliceHeader], same_pixels: SamePixels) -> SliceStack:
    """Sort slices into a volume. Raises InputRejected for every way in which they do not form one.

    same_pixels: asked for slices that claim one position; equal ones are kept once, different ones are two phases.
    """
    for header in headers:
        _check_alone(header)
    headers, stray_warnings = _without_stray_views(headers)
    _check_together(headers)
    row, column = _in_plane_axes(headers[0])
    normal = np.cross(row, column)
    position = np.array([header.position_mm for header in headers])
    order = np.argsort(position @ normal, kind="stable")
    ordered, copies = _without_copies([headers[i] for i in order], (position @ normal)[order], same_pixels)
    distance_mm = _slice_distance(ordered, normal)
    y_mm, x_mm = ordered[0].pixel_spacing_mm or (0.0, 0.0)
    first = ordered[0].position_mm or (0.0, 0.0, 0.0)
    a, b, c, d, e, f, g, h, i = (float(value) for value in np.stack([row, column, normal], axis=1).ravel())
    geometry = Geometry(
        (len(ordered), ordered[0].rows, ordered[0].columns),
        (x_mm, y_mm, distance_mm),
        (first[0], first[1], first[2]),
        (a, b, c, d, e, f, g, h, i),
    ).rounded()
    copy_warnings = (f"{copies} slices are in the folder twice; one of each was used",) if copies else ()
    return SliceStack(tuple(ordered), geometry, stray_warnings + copy_warnings)


def _check_alone(header: SliceHeader) -> None:
    """Refuse a slice whose own header lacks what a CT slice needs."""
    name = header.path.name
    if not header.gray:
        raise InputRejected(
            "a slice is no plain gray CT slice (a color or inverted picture): give the original series", details=name
        )
    if header.position_mm is None or header.orientation is None:
        raise InputRejected("a slice does not tell where it lies: give the original series", details=name)
    spacing = header.pixel_spacing_mm or (0.0, 0.0)
    if not all(SMALLEST_SPACING_MM <= mm <= LARGEST_SPACING_MM for mm in spacing):
        raise InputRejected("a slice has no plausible pixel spacing: give the original series", details=name)
    if not header.rescaled:
        raise InputRejected(
            "a slice has no rescale slope and intercept, so its values are no Hounsfield units: give the original "
            "series",
            details=name,
        )
    row, column = np.split(np.array(header.orientation), 2)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not np.allclose(lengths, 1.0, atol=_SAME_DIRECTION) or abs(row @ column) > _SAME_DIRECTION:
        raise InputRejected("a slice has impossible row and column directions: give the original series", details=name)


def _without_stray_views(headers: Sequence[SliceHeader]) -> tuple[list[SliceHeader], tuple[str, ...]]:
    """Leave out a few slices of another direction than the rest (scout views without the word in their header)."""
    groups: list[list[SliceHeader]] = []
    for header in headers:
        for group in groups:
            if np.allclose(header.orientation or 0, group[0].orientation or 0, atol=_SAME_DIRECTION):
                group.append(header)
                break
        else:
            groups.append([header])
    groups.sort(key=len, reverse=True)
    stray = sum(len(group) for group in groups[1:])
    if not stray:
        return groups[0], ()
    if len(groups[0]) < MIN_SLICES or stray >= MIN_SLICES:
        raise InputRejected(
            f"the series mixes slices of {len(groups)} directions ({', '.join(str(len(group)) for group in groups)} "
            "slices): give a folder with one reconstruction"
        )
    return groups[0], (f"{stray} slices of another direction (scout views?) were left out",)


def _check_together(headers: Sequence[SliceHeader]) -> None:
    """Refuse slices of different matrix or pixel spacing, with the name of the first odd one."""
    for what, value_of in (("matrix", _matrix), ("pixel spacing", _pixel_spacing)):
        usual, _ = Counter(map(value_of, headers)).most_common(1)[0]
        odd = next((header for header in headers if value_of(header) != usual), None)
        if odd is not None:
            raise InputRejected(
                f"a slice has another {what} ({value_of(odd)}) than the other slices ({usual}): give a folder "
                "with one reconstruction",
                details=odd.path.name,
            )


def _matrix(header: SliceHeader) -> str:
    return f"{header.columns} x {header.rows}"


def _pixel_spacing(header: SliceHeader) -> str:
    return " x ".join(f"{mm:.4g}" for mm in header.pixel_spacing_mm or ()) + " mm"


def _in_plane_axes(header: SliceHeader) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit directions of index axes x (along a row) and y (along a column), at exactly right angles."""
    row, column = np.split(np.array(header.orientation, np.float64), 2)
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)


def _without_copies(
    headers: list[SliceHeader], along_mm: NDArray[np.float64], same_pixels: SamePixels
) -> tuple[list[SliceHeader], int]:
    """Slices sorted along the normal, each position once, and how many copies were dropped."""
    kept = [0]
    for i in range(1, len(headers)):
        if along_mm[i] - along_mm[kept[-1]] > SAME_POSITION_MM:
            kept.append(i)
        elif not same_pixels(headers[kept[-1]], headers[i]):
            one, other = headers[kept[-1]].path.name, headers[i].path.name
            raise InputRejected(_two_phases(headers), details=f"{one} and {other}")
    return [headers[i] for i in kept], len(headers) - len(kept)


def _two_phases(headers: list[SliceHeader]) -> str:
    acquisitions = Counter(header.acquisition or "?" for header in headers)
    listing = ", ".join(f"acquisition {name}: {count} slices" for name, count in sorted(acquisitions.items()))
    return (
        "two slices show different pixels at one position, so the series mixes several phases or reconstructions "
        f"({listing}): give a folder with one of them"
    )


def _slice_distance(headers: Sequence[SliceHeader], normal: NDArray[np.float64]) -> float:
    """Distance between slices, mm, after all ways to be uneven were refused. A single slice has its thickness."""
    if len(headers) == 1:
        return headers[0].thickness_mm or 1.0
    position = np.array([header.position_mm for header in headers])
    _check_straight(position, normal)
    along = (position - position[0]) @ normal
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    wide = gaps > _MISSING_ABOVE * usual
    multiples = gaps[wide] / usual
    if wide.any() and wide.mean() <= _FEW and np.abs(multiples - np.rint(multiples)).max() < 2 * MAX_UNEVENNESS:
        first = int(np.flatnonzero(wide)[0])
        raise InputRejected(
            f"{int(np.rint(multiples - 1).sum())} slices are missing, the first after slice {first + 1} of the "
            f"{len(headers)} in the folder: copy the whole series again",
            details=f"between {headers[first].path.name} and {headers[first + 1].path.name}",
        )
    distance = float(along[-1] / (len(headers) - 1))
    if np.abs(along - distance * np.arange(len(headers))).max() > MAX_UNEVENNESS * distance:
        raise InputRejected(
            f"the distance between slices changes from {gaps.min():.2f} to {gaps.max():.2f} mm: give a series with "
            "even spacing (slices may be missing)"
        )
    return distance


def _check_straight(position: NDArray[np.float64], normal: NDArray[np.float64]) -> None:
    """Refuse slices that are not stacked along their normal: a tilted gantry, or shifted slices.

    straight  |||||   tilted  /////   shifted  ||'||
    """
    offset = position - position[0]
    along = offset @ normal
    sideways = np.linalg.norm(offset - along[:, None] * normal, axis=1)
    allowed = np.abs(along) * np.tan(np.deg2rad(MAX_TILT_DEGREES)) + _ROUNDED_POSITION_MM
    if (sideways <= allowed).all():
        return
    degrees = float(np.rad2deg(np.arctan2(sideways[-1], abs(along[-1]))))
    if degrees > MAX_TILT_DEGREES:
        raise InputRejected(
            f"the slices are stacked at {degrees:.1f} degrees from a right angle (a tilted gantry?): resample the "
            "series to right angles and give the result as NIfTI or NRRD"
        )
    raise InputRejected("some slices are shifted sideways against the others: give a folder with one reconstruction")
