"""Stored numbers -> int16 Hounsfield units, or the reason why they cannot be Hounsfield units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.volume.ct_volume import AIR_HU

MAX_NON_FINITE_SHARE = 1e-4
_AIR_BELOW_HU = -500
_AROUND_VOXELS = 2  # how far around an undefined voxel air is asked for
_WRAPPED_ABOVE = 60_000  # -1024 stored as unsigned 16 bit is 64512
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, eq=False)
class HounsfieldUnits:
    """hu: (z, y, x) int16, never below -1024. lowest, highest: of the numbers before that."""

    hu: NDArray[np.int16]
    lowest: float
    highest: float
    warnings: tuple[str, ...]


def to_hounsfield(
    stored: NDArray[np.generic], name: str, *, slope: float = 1.0, intercept: float = 0.0
) -> HounsfieldUnits:
    """slope * stored + intercept, rounded. Padding far below air (-2000, -3024) becomes air, -1024.

    stored: (z, y, x) of any integer or floating type. A few undefined voxels (NaN, infinite) that lie in air become
    air with a warning; others are refused, because nobody can say what was there. Raises InputRejected.
    """
    hu = np.empty(stored.shape, np.int16)
    lowest, highest = np.inf, -np.inf
    undefined: list[NDArray[np.intp]] = []
    for z, plane in enumerate(stored):
        values = _scaled(plane, slope, intercept)
        finite = values if values.dtype.kind in "iu" else values[np.isfinite(values)]
        if finite.size < values.size:
            undefined.append(np.insert(np.argwhere(~np.isfinite(values)), 0, z, axis=1))
        if finite.size:
            lowest, highest = min(lowest, float(finite.min())), max(highest, float(finite.max()))
        hu[z] = whole_units(values)
    if undefined:
        _refuse_unless_in_air(np.concatenate(undefined), hu, name)
    if lowest >= 0 and highest >= _WRAPPED_ABOVE:
        raise InputRejected(
            f"{name} holds values from {lowest:g} to {highest:g}: negative Hounsfield units were stored as unsigned "
            "numbers; export the CT again as signed 16 bit"
        )
    return HounsfieldUnits(hu, lowest, highest, _warnings(sum(map(len, undefined)), highest))


def whole_units(values: NDArray[Any]) -> NDArray[np.int16]:
    """Numbers of any shape as whole Hounsfield units from -1024 on; what is undefined becomes air."""
    if values.dtype.kind not in "iu":
        values = np.rint(np.where(np.isfinite(values), values, AIR_HU))
    units: NDArray[np.int16] = np.clip(values, AIR_HU, _INT16.max).astype(np.int16)
    return units


def _scaled(plane: NDArray[np.generic], slope: float, intercept: float) -> NDArray[Any]:
    if (slope, intercept) == (1.0, 0.0):
        return plane
    return plane.astype(np.float64) * slope + intercept


def _refuse_unless_in_air(undefined: NDArray[np.intp], hu: NDArray[np.int16], name: str) -> None:
    """undefined: (n, 3) indices (z, y, x) of voxels that are air in `hu` for now."""
    share = len(undefined) / hu.size
    if share <= MAX_NON_FINITE_SHARE and all(_is_in_air(hu, index) for index in undefined):
        return
    raise InputRejected(
        f"{name} has {len(undefined)} undefined voxels (NaN or infinite), in the body or too many to ignore: export "
        "the CT again from the original images"
    )


def _is_in_air(hu: NDArray[np.int16], index: NDArray[np.intp]) -> bool:
    around = tuple(slice(max(0, int(i) - _AROUND_VOXELS), int(i) + _AROUND_VOXELS + 1) for i in index)
    return bool(hu[around].max() < _AIR_BELOW_HU)


def _warnings(undefined: int, highest: float) -> tuple[str, ...]:
    warnings = []
    if undefined:
        warnings.append(f"{undefined} undefined voxels (NaN or infinite), all in air, were set to air")
    if highest > _INT16.max:
        warnings.append(f"values reach {highest:g}; those above {_INT16.max} HU were cut to it")
    return tuple(warnings)
