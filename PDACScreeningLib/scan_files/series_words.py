"""One series, or several to choose from, in words for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from PDACScreeningLib.scan_files.slice_header import SliceHeader

_LISTED = 12


def listing(series: Sequence[Sequence[SliceHeader]]) -> str:
    """E.g. "3: 120 slices of 3 mm, 'portal venous', 2026-01-02, kernel B30f, acquisition 1; 4: ...".

    The UID stands where the number would not tell them apart.
    """
    numbers = [slices[0].series.number for slices in series]
    entries = []
    for slices in sorted(series, key=len, reverse=True)[:_LISTED]:
        words = slices[0].series
        unique = words.number and numbers.count(words.number) == 1
        entries.append(f"{words.number if unique else words.uid}: {_facts(slices)}")
    more = f"; and {len(series) - _LISTED} more" if len(series) > _LISTED else ""
    return "; ".join(entries) + more


def _facts(slices: Sequence[SliceHeader]) -> str:
    words = slices[0].series
    thickness = slices[0].thickness_mm
    acquisitions = sorted({header.acquisition.number for header in slices} - {""})
    return ", ".join(
        part
        for part in (
            f"{len(slices)} slices" + ("" if thickness is None else f" of {thickness:g} mm"),
            f"'{words.description}'" if words.description else "",
            _date(words.date),
            f"kernel {words.kernel}" if words.kernel else "",
            f"acquisition {' and '.join(acquisitions[:4])}" if acquisitions else "",
        )
        if part
    )


def _date(digits: str) -> str:
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else digits
