"""Which one series of a study is screened, by rules that can be read: the choice and the reason of every other one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PDACScreeningLib.scan_files.input_check import MIN_SLICES
from PDACScreeningLib.scan_files.slice_header import SliceHeader

Series = Sequence[SliceHeader]

_VENOUS = re.compile(r"portal|venous|ven[oö]s|veneus|\bp?v\b|\bpvp?\b|\b70 ?s", re.IGNORECASE)
_ARTERIAL_OR_LATE = re.compile(r"arter|\bart\b|\bap\b|delay|\blate\b|excret|equilib", re.IGNORECASE)
_WITHOUT_CONTRAST = re.compile(r"without|native?\b|nativ|non.?contrast|unenhanced|\bnc\b|plain|blank", re.IGNORECASE)
_SHARP_NAMES = re.compile(r"bone|lung|edge|detail|sharp", re.IGNORECASE)
_SHARP_NUMBER = 60  # of a kernel like B60f or Br64: made for bone and lung
_AXIAL = 0.8  # cosine between the slices' normal and the body's long axis
_THIN_MM, _THICK_MM = 0.4, 5.0
_DERIVED = ("MIP", "MPR", "REFORMATTED", "PROJECTION IMAGE", "AVERAGE", "SECONDARY")


@dataclass(frozen=True)
class SeriesChoice:
    """The series of one study: the one to screen, None when none can be, and why each other one was left out."""

    chosen: Series | None
    left_out: tuple[tuple[Series, str], ...]


def choose_series(study: Sequence[Series]) -> SeriesChoice:
    """One series of a study (all series given are of one study), by these rules, in this order:

    1. CT slices of one patient and one frame of reference, at least MIN_SLICES of them (else it cannot be screened);
    2. axial slices as the scanner made them, before other planes and derived pictures;
    3. the portal venous phase, then a phase without a name, then arterial or late ones, then without contrast;
    4. a kernel for soft tissue before one for bone or lung;
    5. slices of 0.4 to 5 mm before thicker or thinner ones, then more slices before fewer;
    6. the lower series number, then the lower UID.
    """
    refused = [(series, why) for series in study if (why := _why_not(series))]
    usable = sorted((series for series in study if not _why_not(series)), key=_rank)
    if not usable:
        return SeriesChoice(None, tuple(refused))
    chosen, *others = usable
    beaten = [(other, f"another series of its study was taken: {_reason(chosen, other)}") for other in others]
    return SeriesChoice(chosen, (*beaten, *refused))


def _why_not(series: Series) -> str:
    """Why a series cannot be a scan; empty when it can."""
    if not all(header.is_ct for header in series):
        return f"no CT slices (found: {', '.join(sorted({header.modality or 'unknown' for header in series}))})"
    if len({header.identity for header in series}) > 1:
        return "its slices are of different patients, studies or frames of reference"
    if len(series) < MIN_SLICES:
        return f"only {len(series)} slices"
    return ""


def _is_original_axial(series: Series) -> bool:
    header = series[0]
    if any(word in header.acquisition.image_type for word in _DERIVED):
        return False
    if header.orientation is None or len(header.orientation) != 6:
        return False
    row, column = header.orientation[:3], header.orientation[3:]
    return abs(row[0] * column[1] - row[1] * column[0]) >= _AXIAL


def _phase(series: Series) -> int:
    """0 portal venous, 1 unknown, 2 arterial or late, 3 without contrast."""
    words = series[0].series.description
    if series[0].without_contrast or _WITHOUT_CONTRAST.search(words):
        return 3
    if _VENOUS.search(words):
        return 0
    return 2 if _ARTERIAL_OR_LATE.search(words) else 1


def _has_sharp_kernel(series: Series) -> bool:
    kernel = series[0].series.kernel
    number = re.search(r"[A-Za-z]+(\d{2})", kernel)
    return bool(_SHARP_NAMES.search(kernel)) or (number is not None and int(number[1]) >= _SHARP_NUMBER)


def _thickness(series: Series) -> float:
    found = Counter(header.thickness_mm for header in series if header.thickness_mm)
    return found.most_common(1)[0][0] or 0.0 if found else 0.0


def _has_odd_thickness(series: Series) -> bool:
    return not _THIN_MM <= _thickness(series) <= _THICK_MM


def _number(series: Series) -> tuple[bool, int, str]:
    words = series[0].series
    return not words.number.isdecimal(), int(words.number) if words.number.isdecimal() else 0, words.uid


_RULES: tuple[tuple[str, Callable[[Series], object]], ...] = (
    ("axial slices as the scanner made them", lambda series: not _is_original_axial(series)),
    ("the phase", _phase),
    ("a kernel for soft tissue", _has_sharp_kernel),
    ("the slice thickness", _has_odd_thickness),
    ("more slices", lambda series: -len(series)),
    ("the lower series number", _number),
)


def _rank(series: Series) -> tuple[object, ...]:
    return tuple(rule(series) for _, rule in _RULES)


def _reason(chosen: Series, other: Series) -> str:
    """The first rule that tells two series apart."""
    return next(name for name, rule in _RULES if rule(chosen) != rule(other))
