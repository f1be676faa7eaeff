"""Stored numbers -> int16 Hounsfield units, or the reason why they cannot be Hounsfield units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.volume.ct_volume import AIR_HU

MAX_UNDEFINED_SHARE = 0.6  # corners outside of a round field of view are 0.21
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
    """slope * stored + intercept of a (z, y, x) array of any integer or floating type, as `hounsfield_of` has it."""
    return hounsfield_of((scaled(plane, slope, intercept) for plane in stored), stored.shape, name)


def hounsfield_of(planes: Iterable[NDArray[Any]], shape: tuple[int, ...], name: str) -> HounsfieldUnits:
    """Planes of values, rounded. Padding far below air (-2000, -3024) becomes air, -1024.

    planes: as many (y, x) arrays as shape, (z, y, x), says; only one is held at a time. Undefined voxels (NaN,
    infinite) become air with a warning where only air surrounds them, or where they lie outside of the field of view
    in every slice; others are refused, because nobody can say what was there. Raises InputRejected.
    """
    hu = np.empty(shape, np.int16)
    lowest, highest = np.inf, -np.inf
    undefined: dict[int, NDArray[np.bool_]] = {}
    for z, values in enumerate(planes):
        finite = values if values.dtype.kind in "iu" else values[np.isfinite(values)]
        if finite.size < values.size:
            undefined[z] = ~np.isfinite(values)
        if finite.size:
            lowest, highest = min(lowest, float(finite.min())), max(highest, float(finite.max()))
        hu[z] = whole_units(values)
    if undefined:
        _refuse_unless_outside(undefined, hu, name)
    if lowest >= 0 and highest >= _WRAPPED_ABOVE:
        raise InputRejected(
            f"{name} holds values from {lowest:g} to {highest:g}: negative Hounsfield units were stored as unsigned "
            "numbers; export the CT again as signed 16 bit"
        )
    count = sum(int(mask.sum()) for mask in undefined.values())
    return HounsfieldUnits(hu, lowest, highest, _warnings(count, highest))


def whole_units(values: NDArray[Any]) -> NDArray[np.int16]:
    """Numbers of any shape as whole Hounsfield units from -1024 on; what is undefined becomes air."""
    if values.dtype.kind not in "iu":
        values = np.rint(np.where(np.isfinite(values), values, AIR_HU))
    units: NDArray[np.int16] = np.clip(values, AIR_HU, _INT16.max).astype(np.int16)
    return units


def scaled(plane: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """slope * plane + intercept; the plane itself when that changes nothing."""
    if (slope, intercept) == (1.0, 0.0):
        return plane
    return plane.astype(np.float64) * slope + intercept


def _refuse_unless_outside(undefined: dict[int, NDArray[np.bool_]], hu: NDArray[np.int16], name: str) -> None:
    """undefined: masks of the slices that have undefined voxels, which are air in `hu` for now."""
    mask = np.zeros(hu.shape, np.bool_)
    for z, own in undefined.items():
        mask[z] = own
    around = ndimage.binary_dilation(mask, iterations=_AROUND_VOXELS) & ~mask
    outside = ndimage.binary_dilation(_outside_the_field(mask), iterations=_AROUND_VOXELS)
    if mask.mean() > MAX_UNDEFINED_SHARE or (hu[around & ~outside] >= _AIR_BELOW_HU).any():
        raise InputRejected(
            f"{name} has {int(mask.sum())} undefined voxels (NaN or infinite), in the body or too many to ignore: "
            "export the CT again from the original images"
        )


def _outside_the_field(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(y, x) pixels that are undefined in every slice and reach the edge: no scanner looked there."""
    regions, _ = ndimage.label(mask.all(axis=0))
    edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    outside: NDArray[np.bool_] = np.isin(regions, edge[edge > 0])
    return outside


def _warnings(undefined: int, highest: float) -> tuple[str, ...]:
    warnings = []
    if undefined:
        warnings.append(f"{undefined} undefined voxels (NaN or infinite), outside of the body, were set to air")
    if highest > _INT16.max:
        warnings.append(f"values reach {highest:g}; those above {_INT16.max} HU were cut to it")
    return tuple(warnings)
