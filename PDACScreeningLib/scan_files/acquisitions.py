"""The acquisitions and reconstructions that one series holds, told apart.

Which of them are read together is decided in docs/adr/0031-acquisitions-in-a-series.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.slice_distances import SAME_POSITION_MM
from PDACScreeningLib.scan_files.slice_header import SliceHeader

MAX_PAUSE_S = 30.0  # between two blocks of one phase; contrast moves on in less than a minute


@dataclass(frozen=True)
class _Trait:
    """Something whose value differs between acquisitions."""

    name: str
    value_of: Callable[[SliceHeader], str]
    is_one_scan: bool = True  # whether blocks of different values, one above the other, may be one scan


_NUMBER = _Trait("acquisition", lambda header: header.acquisition.number)
_TRAITS = (
    _NUMBER,
    _Trait("phase", lambda header: header.acquisition.temporal_position),
    _Trait("kernel", lambda header: header.acquisition.kernel, is_one_scan=False),
    _Trait("tube voltage", lambda header: header.acquisition.tube_voltage, is_one_scan=False),
    _Trait("image type", lambda header: "/".join(header.acquisition.image_type)),
    _Trait("time", lambda header: _clock(header.acquisition.time_s)),
)


def one_acquisition(
    headers: Sequence[SliceHeader], along_mm: NDArray[np.float64], wanted: str | None
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which slices to use, and warnings. along_mm: (n,) position of each slice along the normal.

    wanted: the acquisition asked for, as the list of a refusal names it; None when there was none. Raises
    InputRejected with that list when acquisitions interleave, overlap, or follow each other as different phases.
    """
    if wanted is not None:
        chosen = _chosen(headers, wanted)
        one_acquisition([headers[int(i)] for i in np.flatnonzero(chosen)], along_mm[chosen], None)
        return chosen, ()
    warnings: tuple[str, ...] = ()
    for trait in _TRAITS:
        values = [trait.value_of(header) for header in headers]
        if len(set(values)) < 2:
            continue
        if _interleave(values, along_mm):
            raise InputRejected(_MIXED, details=_listing(trait, values))
        if not trait.is_one_scan or (trait is _NUMBER and _another_phase(headers, along_mm)):
            raise InputRejected(
                "the series holds several phases or reconstructions one after the other: choose one with --acquisition",
                details=_listing(trait, values),
            )
        if trait is _NUMBER and any(header.acquisition.time_s is None for header in headers):
            warnings = (f"{len(set(values))} acquisitions that follow each other were read as one scan",)
    return np.ones(len(headers), np.bool_), warnings


_MIXED = "the series mixes several phases or reconstructions: choose one with --acquisition"


def _chosen(headers: Sequence[SliceHeader], wanted: str) -> NDArray[np.bool_]:
    for trait in _TRAITS:
        chosen = np.array([trait.value_of(header) == wanted for header in headers])
        if chosen.any():
            return chosen
    split = next((trait for trait in _TRAITS if len({trait.value_of(header) for header in headers}) > 1), _NUMBER)
    raise InputRejected(
        "the series does not hold the acquisition asked for: choose another with --acquisition",
        details=f"asked for {wanted}; there is {_listing(split, [split.value_of(header) for header in headers])}",
    )


def _interleave(values: Sequence[str], along_mm: NDArray[np.float64]) -> bool:
    """Whether the slices of two values lie between or upon each other, instead of forming one block each."""
    ends: dict[str, tuple[float, float]] = {}
    for value, mm in zip(values, along_mm, strict=True):
        low, high = ends.get(value, (mm, mm))
        ends[value] = min(low, float(mm)), max(high, float(mm))
    blocks = sorted(ends.values())
    return any(later[0] <= earlier[1] + SAME_POSITION_MM for earlier, later in zip(blocks, blocks[1:], strict=False))


def _another_phase(headers: Sequence[SliceHeader], along_mm: NDArray[np.float64]) -> bool:
    """Whether neighboring blocks differ in contrast, or lie apart in time by more than a table takes."""
    ordered = [headers[i].acquisition for i in np.argsort(along_mm, kind="stable")]
    for one, other in zip(ordered, ordered[1:], strict=False):
        if one.number == other.number:
            continue
        if one.contrast != other.contrast:
            return True
        if one.time_s is not None and other.time_s is not None and abs(one.time_s - other.time_s) > MAX_PAUSE_S:
            return True
    return False


def _listing(trait: _Trait, values: Sequence[str]) -> str:
    """E.g. "acquisition 1: 40 slices, acquisition 2: 40 slices"."""
    return ", ".join(f"{trait.name} {value or '?'}: {count} slices" for value, count in sorted(Counter(values).items()))


def _clock(time_s: float | None) -> str:
    """HHMMSS, as the header writes it and --acquisition takes it."""
    if time_s is None:
        return ""
    whole = int(time_s)
    return f"{whole // 3600:02}{whole // 60 % 60:02}{whole % 60:02}"
