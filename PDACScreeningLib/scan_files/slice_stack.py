"""CT slices -> one stack with right angles and even spacing, or what has to be done to it, or why they are none.

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
from PDACScreeningLib.scan_files.acquisitions import one_acquisition
from PDACScreeningLib.scan_files.image_header import LARGEST_SPACING_MM, SMALLEST_SPACING_MM
from PDACScreeningLib.scan_files.input_check import MIN_SLICES
from PDACScreeningLib.scan_files.rescaling import check_rescaling
from PDACScreeningLib.scan_files.slice_distances import SAME_POSITION_MM, SlicePlaces, find_places
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.volume.geometry import Geometry

_SAME_DIRECTION = 1e-3
_THIN_SHARE = 0.6  # of the slice distance; thinner slices leave more than a third of the patient unseen

SamePixels = Callable[[SliceHeader, SliceHeader], bool]


@dataclass(frozen=True)
class SliceStack:
    """Slices in the order of the volume, lowest z index first.

    geometry: of the slices as if they were stacked straight and evenly; `places` tells whether they are.
    """

    slices: tuple[SliceHeader, ...]
    geometry: Geometry
    places: SlicePlaces
    warnings: tuple[str, ...]


def stack_slices(headers: Sequence[SliceHeader], same_pixels: SamePixels, acquisition: str | None = None) -> SliceStack:
    """Sort slices into a stack. Raises InputRejected for every way in which they do not form one.

    same_pixels: asked for slices that claim one position; equal ones are kept once, different ones are two phases.
    acquisition: the one asked for, of a series that holds several.
    """
    for header in headers:
        _check_alone(header)
    headers, stray_warnings = _without_stray_views(headers)
    axes = _axes(headers[0])
    position = np.array([header.position_mm for header in headers])
    chosen, acquisition_warnings = one_acquisition(headers, position @ axes[:, 2], acquisition)
    headers, position = [headers[i] for i in np.flatnonzero(chosen)], position[chosen]
    _check_together(headers)
    along = position @ axes[:, 2]
    order = np.argsort(along, kind="stable")
    ordered, copies = _without_copies([headers[i] for i in order], along[order], same_pixels)
    places = _places(ordered, axes)
    return SliceStack(
        slices=tuple(ordered),
        geometry=_straight_geometry(ordered, axes, places.distance_mm),
        places=places,
        warnings=(
            *stray_warnings,
            *acquisition_warnings,
            *((f"{copies} slices are in the folder twice; one of each was used",) if copies else ()),
            *check_rescaling(ordered),
            *_header_warnings(ordered, places),
        ),
    )


def _places(ordered: Sequence[SliceHeader], axes: NDArray[np.float64]) -> SlicePlaces:
    position = np.array([header.position_mm for header in ordered])
    names = [header.path.name for header in ordered]
    return find_places(position, axes, ordered[0].thickness_mm or 1.0, names)


def _straight_geometry(ordered: Sequence[SliceHeader], axes: NDArray[np.float64], distance_mm: float) -> Geometry:
    y_mm, x_mm = ordered[0].pixel_spacing_mm or (0.0, 0.0)
    first = ordered[0].position_mm or (0.0, 0.0, 0.0)
    a, b, c, d, e, f, g, h, i = (float(value) for value in axes.ravel())
    return Geometry(
        (len(ordered), ordered[0].rows, ordered[0].columns),
        (x_mm, y_mm, distance_mm),
        (first[0], first[1], first[2]),
        (a, b, c, d, e, f, g, h, i),
    ).rounded()


def _header_warnings(ordered: Sequence[SliceHeader], places: SlicePlaces) -> tuple[str, ...]:
    warnings = []
    thickness = ordered[0].thickness_mm
    widest = float(np.diff(places.along_mm).max()) if len(ordered) > 1 else 0.0
    if thickness is not None and 0 < thickness < _THIN_SHARE * widest:
        warnings.append(
            f"slices of {thickness:g} mm lie {widest:g} mm apart: what is between them was not measured, and small "
            "tumors may be missed"
        )
    if any(header.lossy for header in ordered):
        warnings.append("the slices were compressed with losses; fine differences of density may be gone")
    if any(header.without_contrast for header in ordered):
        warnings.append(
            "words in the header say that no contrast was given; the method was described for portal venous scans"
        )
    return tuple(warnings)


def _check_alone(header: SliceHeader) -> None:
    """Refuse a slice whose own header lacks what a CT slice needs."""
    name = header.path.name
    if not header.gray:
        raise InputRejected(
            "a slice is no plain gray CT slice (a color or inverted picture): give the original series", details=name
        )
    if header.rows < 1 or header.columns < 1:
        raise InputRejected("a slice has no pixels: give the original series", details=name)
    if header.position_mm is None or header.orientation is None:
        raise InputRejected("a slice does not tell where it lies: give the original series", details=name)
    spacing = header.pixel_spacing_mm or (0.0, 0.0)
    if not all(SMALLEST_SPACING_MM <= mm <= LARGEST_SPACING_MM for mm in spacing):
        raise InputRejected("a slice has no plausible pixel spacing: give the original series", details=name)
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


def _axes(header: SliceHeader) -> NDArray[np.float64]:
    """(3, 3): columns are the unit directions of a row, of a column and of the normal, at exactly right angles."""
    row, column = np.split(np.array(header.orientation, np.float64), 2)
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], axis=1)


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
            raise InputRejected(
                "two slices show different pixels at one position, and nothing in their headers tells them apart: give "
                "a folder with one of the phases or reconstructions",
                details=f"{one} and {other}",
            )
    return [headers[i] for i in kept], len(headers) - len(kept)
