"""Vessels and ducts, where the segmentation tells them: measured, with the method beside the number; never a stage."""

from __future__ import annotations

from PDACScreeningLib.quantity_words import NOT_LOOKED_AT
from PDACScreeningLib.report.markup import Content, Markup, element, fragment, section, table
from PDACScreeningLib.report.quantity import degrees, length, volume
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.structure_measures import StructureMeasures

METHOD = (
    "Measured on the outlines of labels.seg.nrrd, on the scan's own grid; right to about one voxel if the outlines "
    "are. Largest caliber: diameter of the largest ball inside the duct. Longest contact: greatest distance between "
    "two points of one connected area where a vessel touches the tumor. Largest angle: the largest part of a vessel's "
    "outline on an axial slice that touches the tumor, of 360 degrees, for cross-sections of 3 mm and more; of a "
    "vessel that runs within the slice it says little. These are measurements, not a stage."
)
_COLUMNS = ["Structure", "Volume", "Largest caliber", "Longest contact with tumor", "Largest angle of contact"]


def anatomy_section(screening: Screening) -> Markup:
    """A row for each structure; nothing where no structure was looked at."""
    if not screening.anatomy:
        return fragment()
    rows = [_row(measures) for measures in screening.anatomy]
    listed = table("Vessels and ducts, as outlined", _COLUMNS, rows)
    return section("Vessels and ducts", listed, element("p", METHOD, class_="quiet"))


def _row(measures: StructureMeasures) -> list[Content]:
    name = measures.structure.capitalize()
    if not measures.looked_at:
        return [name, NOT_LOOKED_AT, "", "", ""]
    if not measures.volume_mm3:
        return [name, "none outlined", "", "", ""]
    caliber, contact, angle = (
        measures.largest_caliber_mm,
        measures.longest_contact_mm,
        measures.largest_contact_degrees,
    )
    return [
        name,
        volume(measures.volume_mm3),
        "" if caliber is None else length(caliber),
        "" if contact is None else length(contact) if contact else "none",
        "" if angle is None else degrees(angle) if contact else "none",
    ]
