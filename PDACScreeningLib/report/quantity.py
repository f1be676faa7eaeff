"""Numbers with their units as a person reads them. The page rounds; the exact value stays in the markup."""

from __future__ import annotations

import re

from PDACScreeningLib.quantity_words import patient_directions, volume_words
from PDACScreeningLib.report.markup import Markup, element
from PDACScreeningLib.volume.geometry import XYZ

NONE = "none"
_NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
_NO_BREAK = "\N{NO-BREAK SPACE}"
_VOXELS = re.compile(r"(?<=mL) \(\d+ voxels?\)")
_CUBIC_MM = re.compile(r"\d+ voxels? \((\d+(?:\.\d+)?) mm3\)|(\d+(?:\.\d+)?) mm3")  # of older results


def grouped(value: float) -> str:
    """Rounded to an integer, thousands apart: 25 735."""
    return f"{value:,.0f}".replace(",", _NARROW_SPACE)


def count(value: int | None, noun: str = "") -> Markup:
    """A number of things: 1 224 voxels."""
    if value is None:
        return exact(None, "unknown")
    plural = noun if value == 1 or not noun else f"{noun}s"
    return exact(value, f"{grouped(value)}{_NO_BREAK}{plural}" if noun else grouped(value))


def volume(value_mm3: float | None) -> Markup:
    """A volume in both units: 25.7 mL (25 735 mm3)."""
    if value_mm3 is None:
        return exact(None, "unknown")
    return exact(value_mm3, f"{milliliters(value_mm3)} ({grouped(value_mm3)}{_NO_BREAK}mm³)")


def milliliters(value_mm3: float) -> str:
    """25.7 mL; small volumes with two decimals."""
    return volume_words(value_mm3).replace(" ", _NO_BREAK)


def in_milliliters(sentence: str) -> str:
    """A sentence of the library for a reader, who counts no voxels: "4.92 mL (315 voxels)" becomes "4.92 mL".

    So does "315 voxels (4922 mm3)", as results said it until 2026-11-28.
    """
    return _VOXELS.sub("", _CUBIC_MM.sub(lambda found: volume_words(float(found[1] or found[2])), sentence))


def length(value_mm: float) -> Markup:
    """A length: 35.2 mm."""
    return exact(value_mm, f"{value_mm:.1f}{_NO_BREAK}mm")


def degrees(value: float) -> Markup:
    """An angle: 180 degrees."""
    return exact(value, f"{value:.0f}{_NO_BREAK}degrees")


def hounsfield(value_hu: float) -> Markup:
    """A density: 36 HU."""
    return exact(value_hu, f"{value_hu:.0f}{_NO_BREAK}HU".replace("-", "\N{MINUS SIGN}"))


def share(value: float | None) -> Markup:
    """A network's output or a score in [0, 1], never as a percentage: 0.93."""
    return exact(value, NONE if value is None else f"{value:.2f}")


def seconds(value_s: float) -> Markup:
    """A duration: 12.3 s."""
    return exact(value_s, f"{value_s:.1f}{_NO_BREAK}s")


def position(lps_mm: XYZ) -> str:
    """A place in the patient by its directions: L 35.2, P 12.0, S 88.3 mm."""
    parts = (part.replace(" ", _NO_BREAK) for part in patient_directions(lps_mm, decimals=1))
    return ", ".join(parts) + f"{_NO_BREAK}mm"


def exact(value: float | None, shown: str) -> Markup:
    """What is shown, with the value of `screening.json` behind it."""
    return element("data", shown, value="" if value is None else repr(value))
