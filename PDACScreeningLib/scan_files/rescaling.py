"""Whether the numbers of a series can be turned into Hounsfield units, by what its headers say."""

from __future__ import annotations

from collections.abc import Sequence

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.slice_header import SliceHeader

_HOUNSFIELD = ("HU", "")  # RescaleType; a CT that says nothing is in Hounsfield units
_UNSPECIFIED = "US"
_OTHER_MAPS = ("EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "PERCENT_ATTEN", "MAT_MOD", "MAT_REMOVED", "MAT_FRACTIONAL")


def check_rescaling(headers: Sequence[SliceHeader]) -> tuple[str, ...]:
    """Warnings. Raises InputRejected when values are no Hounsfield units, or when nobody can say what they are."""
    for header in headers:
        _check_alone(header)
    told = {header.rescale.is_told for header in headers}
    if len(told) > 1:
        few = min(told, key=lambda own: sum(header.rescale.is_told == own for header in headers))
        odd = next(header for header in headers if header.rescale.is_told == few)
        raise InputRejected(
            "some slices have no rescale slope and intercept, others have: give the original series",
            details=odd.path.name,
        )
    warnings = []
    if told != {(True, True)}:
        warnings.append(
            "the header does not tell how stored numbers become Hounsfield units; they were taken as they are as far "
            "as it is silent"
        )
    if len({(header.rescale.slope, header.rescale.intercept) for header in headers}) > 1:
        warnings.append(
            "the slices are scaled by different numbers (rescale slope, intercept), which is unusual for CT"
        )
    if any(header.rescale.kind == _UNSPECIFIED for header in headers):
        warnings.append("the header calls the unit of its values unspecified; they were taken as Hounsfield units")
    return tuple(warnings)


def _check_alone(header: SliceHeader) -> None:
    slope, kind = header.rescale.slope, header.rescale.kind
    if slope is not None and slope <= 0:
        raise InputRejected(
            f"a slice has a rescale slope of {slope:g}, which makes no Hounsfield units: give the original series",
            details=header.path.name,
        )
    maps = [word for word in header.acquisition.image_type if word in _OTHER_MAPS]
    if kind not in (*_HOUNSFIELD, _UNSPECIFIED) or maps:
        raise InputRejected(
            f"the series is a map of something else than Hounsfield units{f' ({maps[0]})' if maps else ''}: give the "
            "CT images themselves",
            details=f"{header.path.name}, rescale type {kind}",  # free text of a header: not for result files
        )
