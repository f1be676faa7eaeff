"""Where slices lie along and beside their normal: even, tilted, of two distances, or with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected

SAME_POSITION_MM = 0.01
MAX_TILT_DEGREES = 0.1  # more is a tilted gantry
LARGEST_TILT_DEGREES = 45.0  # no gantry tilts further
MAX_UNEVENNESS = 0.1  # of a slice distance
ROUNDED_MM = 0.1  # headers round positions to a tenth of a millimeter; two of them make a distance
_LARGEST_ROUNDED_PART = 0.35  # of a slice distance, so that a missing slice is still seen
_ROUNDED_POSITION_MM = 0.05
_MISSING_ABOVE = 1.5  # times the usual distance
_FEW = 0.25  # of the distances; more wide ones mean that the spacing changes
_MIN_RUN = 4  # distances of one kind that make a part of a scan


@dataclass(frozen=True, eq=False)
class SlicePlaces:
    """along_mm: (n,) rising from 0. sideways_mm: (n, 2) along row (x) and column (y), against the first slice."""

    along_mm: NDArray[np.float64]
    sideways_mm: NDArray[np.float64]
    distance_mm: float  # between even slices; the smallest of several distances
    tilt_degrees: float = 0.0
    is_even: bool = True

    @property
    def is_regular(self) -> bool:
        """Whether the slices themselves form a grid of right angles."""
        return self.is_even and self.tilt_degrees == 0.0


def find_places(
    position: NDArray[np.float64], axes: NDArray[np.float64], thickness_mm: float, names: Sequence[str]
) -> SlicePlaces:
    """Places of slices that are sorted along their normal. Raises InputRejected for gaps and shifts.

    position: (n, 3) LPS mm. axes: (3, 3), columns are row, column and normal. A single slice has its thickness.
    names: of the slices, for the details of a refusal.
    """
    offset = (position - position[0]) @ axes
    along, sideways = offset[:, 2], offset[:, :2]
    if len(position) == 1:
        return SlicePlaces(along, sideways, thickness_mm)
    tilt = _tilt(along, sideways)
    if tilt == 0.0:
        sideways = np.zeros_like(sideways)
    _refuse_missing(along, names)
    count = len(along)
    distance = float(along[-1] / (count - 1))
    if np.abs(along - distance * np.arange(count)).max() <= _allowance(distance):
        return SlicePlaces(along, sideways, distance, tilt)
    runs = _runs(np.diff(along))
    if runs is None:
        gaps = np.diff(along)
        raise InputRejected(
            f"the distance between slices changes from {gaps.min():.2f} to {gaps.max():.2f} mm again and again: give a "
            "series with even spacing (slices may be missing, or two reconstructions mixed)"
        )
    return SlicePlaces(along, sideways, min(runs), tilt, is_even=False)


def _allowance(distance_mm: float) -> float:
    return max(MAX_UNEVENNESS * distance_mm, min(ROUNDED_MM, _LARGEST_ROUNDED_PART * distance_mm)) + 1e-6


def _refuse_missing(along: NDArray[np.float64], names: Sequence[str]) -> None:
    """A few distances that are multiples of the usual one are missing slices; nothing may be invented there."""
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    wide = gaps > _MISSING_ABOVE * usual
    multiples = gaps[wide] / usual
    even_multiples = wide.any() and np.abs(multiples - np.rint(multiples)).max() < 2 * MAX_UNEVENNESS
    if not even_multiples or wide.mean() > _FEW or (_longest_run(wide) >= _MIN_RUN and _runs(gaps) is not None):
        return
    first = int(np.flatnonzero(wide)[0])
    raise InputRejected(
        f"{int(np.rint(multiples - 1).sum())} slices are missing, the first after slice {first + 1} of the "
        f"{len(along)} in the folder: copy the whole series again",
        details=f"between {names[first]} and {names[first + 1]}",
    )


def _longest_run(flags: NDArray[np.bool_]) -> int:
    longest = current = 0
    for flag in flags:
        current = current + 1 if flag else 0
        longest = max(longest, current)
    return longest


def _runs(gaps: NDArray[np.float64]) -> list[float] | None:
    """The distances of a scan that changes its spacing for good, e.g. [2.5, 5.0]; None when it does not.

    2.5 2.5 2.5 2.5 5 5 5 5  ->  [2.5, 5.0]      2.5 2.5 5 2.5 2.5  ->  None, a slice is missing
    """
    runs: list[list[float]] = [[float(gaps[0])]]
    for gap in gaps[1:]:
        if abs(gap - np.mean(runs[-1])) <= _allowance(float(np.mean(runs[-1]))):
            runs[-1].append(float(gap))
        else:
            runs.append([float(gap)])
    return None if min(map(len, runs)) < _MIN_RUN else [float(np.mean(run)) for run in runs]


def _tilt(along: NDArray[np.float64], sideways: NDArray[np.float64]) -> float:
    """Degrees between the stacking direction and the normal; 0 when they agree.

    straight  |||||   tilted  /////   shifted  ||'||
    """
    away = np.linalg.norm(sideways, axis=1)
    if (away <= np.abs(along) * np.tan(np.deg2rad(MAX_TILT_DEGREES)) + _ROUNDED_POSITION_MM).all():
        return 0.0
    slope = (along @ sideways) / (along @ along) if along.any() else np.zeros(2)
    off_line = np.linalg.norm(sideways - along[:, None] * slope, axis=1)
    degrees = float(np.rad2deg(np.arctan(np.linalg.norm(slope))))
    if off_line.max() > 2 * _ROUNDED_POSITION_MM + 1e-3 * np.abs(along).max():
        raise InputRejected(
            "some slices are shifted sideways against the others: give a folder with one reconstruction"
        )
    if degrees > LARGEST_TILT_DEGREES:
        raise InputRejected(
            f"the slices are stacked at {degrees:.1f} degrees from a right angle, more than any gantry tilts: give "
            "the original series"
        )
    return degrees
