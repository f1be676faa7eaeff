"""The gate: is this a CT on which an honest answer is possible?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
_MAX_HU = 4095  # above, only metal; counted together
_ROUNDING_MM = 1e-3


def check_ct(ct: CTVolume, name: str, stored_range: tuple[float, float] | None = None) -> tuple[str, ...]:
    """Warnings to carry into every output; empty when there is nothing to say.

    name: of the scan in messages. stored_range: lowest and highest value before they became int16, if known.
    Raises InputRejected when the voxels cannot be those of a CT, InputIndeterminate when the scan is too short or
    too coarse for an answer.
    """
    _refuse_blank_slices(ct.hu, name)
    _check_intensities(ct.hu, name, stored_range)
    orientation = canonical_orientation(ct.geometry)
    canonical, stacked = orientation.to_canonical(ct.hu), orientation.order.index(0)
    extent_warnings = _check_extent(orientation.canonical_geometry(ct.geometry), _slices_with_tissue(canonical), name)
    if stacked == 0:
        return extent_warnings + check_content(canonical, name)
    _refuse_blank_slices(canonical, name)
    return (
        *extent_warnings,
        *check_content(canonical, name),
        *check_content(np.moveaxis(canonical, stacked, 0), name, head_to_foot=False),
    )


def _refuse_blank_slices(hu: NDArray[np.int16], name: str) -> None:
    """A slice of one value that is not air is no anatomy: other software fills what is missing with 0 HU."""
    blank = [z for z, plane in enumerate(hu) if plane[0, 0] > AIR_BELOW_HU and plane.min() == plane.max()]
    if blank:
        raise InputRejected(
            f"{len(blank)} of {len(hu)} slices of {name} hold nothing but the value {int(hu[blank[0], 0, 0])}: part of "
            "the scan is missing, export it again from the original images"
        )


def _check_intensities(hu: NDArray[np.int16], name: str, stored_range: tuple[float, float] | None) -> None:
    """Refuse values without air or without soft tissue: those are not Hounsfield units of a body."""
    share = _Shares(hu)
    has_air = share.between(AIR_HU, AIR_BELOW_HU) >= MIN_AIR_SHARE
    if has_air and share.between(*SOFT_TISSUE_HU) >= MIN_SOFT_TISSUE_SHARE:
        return
    low, high = stored_range or (float(hu.min()), float(hu.max()))
    raise InputRejected(f"{name} holds values from {low:g} to {high:g}: {_suspicion(share, low, high)}")


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


def _slices_with_tissue(canonical: NDArray[np.int16]) -> int:
    """Slices from the first to the last one that is not air alone; a scan ends where its body does."""
    occupied = [z for z, plane in enumerate(canonical) if plane.max() > AIR_BELOW_HU]
    return occupied[-1] - occupied[0] + 1 if occupied else 0


def _check_extent(canonical: Geometry, slices: int, name: str) -> tuple[str, ...]:
    """slices: from head to foot, without those of air at the ends."""
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
