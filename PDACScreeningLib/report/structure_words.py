"""Vessels and ducts in one line each, for panel and terminal: what was measured, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterator

from PDACScreeningLib.quantity_words import NOT_LOOKED_AT
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.structure_measures import StructureMeasures

NOTHING_SEEN = f"Vessels and ducts: {NOT_LOOKED_AT}."
_METHOD = "Vessels and ducts, measured on their outlines; no stage:"


def structure_lines(screening: Screening) -> Iterator[str]:
    """A line for each structure, or one that says that the model sees none; nothing without an answer."""
    if screening.anatomy:
        yield _METHOD
        yield from map(structure_words, screening.anatomy)
    elif screening.tumor_voxels is not None:
        yield NOTHING_SEEN


def structure_words(measures: StructureMeasures) -> str:
    """Pancreatic duct: 0.31 mL, largest caliber 4.2 mm; or, of vessels: contact with tumor 18.0 mm."""
    return f"{measures.structure.capitalize()}: {', '.join(_measured(measures))}"


def _measured(measures: StructureMeasures) -> Iterator[str]:
    if not measures.looked_at:
        yield NOT_LOOKED_AT
    elif not measures.volume_mm3:
        yield "none outlined"
    else:
        yield f"{measures.volume_mm3 / 1000:.2f} mL"
        if measures.largest_caliber_mm is not None:
            yield f"largest caliber {measures.largest_caliber_mm:.1f} mm"
        yield from _contact(measures)


def _contact(measures: StructureMeasures) -> Iterator[str]:
    contact_mm, angle = measures.longest_contact_mm, measures.largest_contact_degrees
    if contact_mm is None:
        return
    if not contact_mm:
        yield "no contact with tumor"
        return
    yield f"contact with tumor {contact_mm:.1f} mm"
    if angle is not None:
        yield f"at most {angle:.0f} degrees on a slice"
