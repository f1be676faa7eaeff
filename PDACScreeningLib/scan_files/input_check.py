"""The gate: is this a CT on which an honest answer is possible?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import HUWindow
from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.content_check import check_content
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.orientation import canonical_orientation

MIN_SLICES = 8
MIN_EXTENT_MM = 40.0
SHORT_SCAN_MM = 100.0
COARSE_MM = 3.0
TOO_COARSE_MM = 10.0
AIR_BELOW_HU = -500
SOFT_TISSUE_HU = (-20, 150)
MIN_AIR_SHARE = 1e-3  # a scan of the body has air around it, or at least in the bowel
MIN_SOFT_TISSUE_SHARE = 0.02
MIN_PILE_SHARE = 0.05  # of the voxels lie exactly at the lower end of a scan that was cut to a window
_NEEDED_HU = HUWindow()
_MAX_HU = 4095  # above, only metal; counted together
_ROUNDING_MM = 1e-3


def check_ct(ct: CTVolume, name: str, stored_range: tuple[float, float] | None = None) -> tuple[str, ...]:
    """Warnings to carry into every output; empty when there is nothing to say.

    name: of the scan in messages. stored_range: lowest and highest value before they became int16, if known.
    Raises InputRejected when the voxels cannot be those of a CT, InputIndeterminate when the scan is too short or
    too coarse for an answer, or when its slices do not follow each other.
    """
    air_below, value_warnings = _check_intensities(ct.hu, name, stored_range)
    orientation = canonical_orientation(ct.geometry)
    extent_warnings = check_extent(ct, name, air_below)
    warnings = (*value_warnings, *extent_warnings)
    for axis in sorted({orientation.order[0], 0}, reverse=True):  # from head to foot, and as the slices are stacked
        planes = np.moveaxis(ct.hu, axis, 0)
        if axis == orientation.order[0] and orientation.flipped[0]:
            planes = planes[::-1]
        _refuse_blank_slices(planes, name, air_below)
        is_long_axis = axis == orientation.order[0]
        warnings += check_content(planes, name, head_to_foot=is_long_axis, air_below=air_below)
    return warnings


def check_uneven(
    hu: NDArray[np.int16], name: str, stored_range: tuple[float, float], *, head_to_foot: bool, even: bool
) -> tuple[str, ...]:
    """As `check_ct`, for slices as they were measured, before they are made regular. Extents are not looked at.

    hu: (n, rows, columns). even: all slices have the same distance, so that steps between them can be compared.
    """
    air_below, warnings = _check_intensities(hu, name, stored_range)
    _refuse_blank_slices(hu, name, air_below)
    return warnings + check_content(hu, name, head_to_foot=head_to_foot, even=even, air_below=air_below)


def _refuse_blank_slices(hu: NDArray[np.int16], name: str, air_below: int) -> None:
    """A slice of one value that is not air is no anatomy: other software fills what is missing with 0 HU."""
    blank = [z for z, plane in enumerate(hu) if plane[0, 0] > air_below and plane.min() == plane.max()]
    if blank:
        raise InputRejected(
            f"{len(blank)} of {len(hu)} slices of {name} hold nothing but the value {int(hu[blank[0], 0, 0])}: part of "
            "the scan is missing, export it again from the original images"
        )


def _check_intensities(
    hu: NDArray[np.int16], name: str, stored_range: tuple[float, float] | None
) -> tuple[int, tuple[str, ...]]:
    """The HU below which all is air, and warnings. Refuses values that are not Hounsfield units of a body."""
    share = _Shares(hu)
    low, high = stored_range or (float(hu.min()), float(hu.max()))
    has_tissue = share.between(*SOFT_TISSUE_HU) >= MIN_SOFT_TISSUE_SHARE
    if has_tissue and share.between(AIR_HU, AIR_BELOW_HU) >= MIN_AIR_SHARE:
        return AIR_BELOW_HU, ()
    if has_tissue and _is_clipped(share, low, high):
        return int(low), (
            f"all values lie between {low:g} and {high:g} HU, many exactly at an end: the scan was cut to a window, "
            "and nothing is known of what lay outside of it",
        )
    raise InputRejected(f"{name} holds values from {low:g} to {high:g}: {_suspicion(share, low, high)}")


def _is_clipped(share: _Shares, low: float, high: float) -> bool:
    """Whether values were cut to a window that holds all that the networks look at."""
    if not (AIR_BELOW_HU < low <= _NEEDED_HU.lower_hu and high >= _NEEDED_HU.upper_hu):
        return False
    lowest, highest = int(np.rint(low)), min(int(np.rint(high)), _MAX_HU)
    return share.between(lowest, lowest) >= MIN_PILE_SHARE and share.between(highest, highest) > 0


def _suspicion(share: _Shares, low: float, high: float) -> str:
    """What is probably wrong with values that are no Hounsfield units, and what to do."""
    if low >= -1.5 and high <= 1.5:
        return "they were scaled to a unit range; give the CT in Hounsfield units"
    if low >= 0 and high <= 255:
        return "they are gray values of a picture; give the CT in Hounsfield units"
    if low < 2 * AIR_HU + 200 and share.between(AIR_HU + 1, AIR_BELOW_HU) >= MIN_SOFT_TISSUE_SHARE:
        return "all is 1024 too low, as if the intercept was applied twice; export the CT again"
    tissue = (SOFT_TISSUE_HU[0] - AIR_HU, SOFT_TISSUE_HU[1] - AIR_HU)
    if low > AIR_BELOW_HU and share.between(*tissue) >= MIN_SOFT_TISSUE_SHARE:
        return "all is about 1024 too high, as if the intercept of -1024 is missing; export the CT in Hounsfield units"
    if low > AIR_BELOW_HU:
        return "there is no air (below -500 HU), so this is no CT of the body, or not in Hounsfield units"
    return "there is hardly any soft tissue (-20 to 150 HU), so this is no CT of the abdomen in Hounsfield units"


def _slices_with_tissue(canonical: NDArray[np.int16], air_below: int) -> int:
    """Slices from the first to the last one that is not air alone."""
    occupied = [z for z, plane in enumerate(canonical) if plane.max() > air_below]
    return occupied[-1] - occupied[0] + 1 if occupied else 0


def check_extent(ct: CTVolume, name: str, air_below: int = AIR_BELOW_HU) -> tuple[str, ...]:
    """Warnings about length and spacing. Raises InputIndeterminate when they do not suffice for an answer.

    A scan ends where its body does: slices of air at the ends are not counted.
    """
    orientation = canonical_orientation(ct.geometry)
    canonical = orientation.canonical_geometry(ct.geometry)
    slices = _slices_with_tissue(orientation.to_canonical(ct.hu), air_below)
    if min(slices, *canonical.shape) < MIN_SLICES:
        raise InputIndeterminate(
            f"{name} has only {_size(canonical)} voxels ({slices} slices): at least {MIN_SLICES} slices are needed, "
            "give the whole abdomen"
        )
    length_mm = slices * canonical.spacing_mm[2]
    shortest_mm = min(*canonical.extent_mm, length_mm)
    if shortest_mm < MIN_EXTENT_MM - _ROUNDING_MM:
        raise InputIndeterminate(
            f"{name} covers only {shortest_mm:.1f} mm in one direction, too little to look for a "
            f"pancreas: at least {MIN_EXTENT_MM:.0f} mm are needed, give the whole abdomen"
        )
    coarsest_mm = max(canonical.spacing_mm)
    if coarsest_mm > TOO_COARSE_MM + _ROUNDING_MM:
        raise InputIndeterminate(
            f"the slices of {name} are {coarsest_mm:.1f} mm apart, too coarse to see a tumor: at most "
            f"{TOO_COARSE_MM:.0f} mm are accepted, give a thinner reconstruction"
        )
    return _extent_warnings(length_mm, coarsest_mm)


def _extent_warnings(length_mm: float, coarsest_mm: float) -> tuple[str, ...]:
    warnings = []
    if length_mm < SHORT_SCAN_MM - _ROUNDING_MM:
        warnings.append(
            f"the scan covers only {length_mm:.0f} mm from head to foot; part of the pancreas may be missing"
        )
    if coarsest_mm > COARSE_MM + _ROUNDING_MM:
        warnings.append(
            f"the voxels are up to {coarsest_mm:.1f} mm apart; sizes are off by about as much, and small "
            "tumors may be missed"
        )
    return tuple(warnings)


def _size(geometry: Geometry) -> str:
    return " x ".join(str(length) for length in geometry.shape[::-1])


class _Shares:
    """How the voxels of a (z, y, x) int16 array are spread over Hounsfield units."""

    def __init__(self, hu: NDArray[np.int16]) -> None:
        self._counts = np.zeros(_MAX_HU - AIR_HU + 1, np.int64)
        for plane in hu:
            above_air = np.clip(plane, AIR_HU, _MAX_HU).astype(np.intp) - AIR_HU
            self._counts += np.bincount(above_air.ravel(), minlength=self._counts.size)

    def between(self, low: int, high: int) -> float:
        """Share of voxels with low <= HU <= high."""
        inside = self._counts[low - AIR_HU : high - AIR_HU + 1].sum()
        return float(inside / self._counts.sum())
