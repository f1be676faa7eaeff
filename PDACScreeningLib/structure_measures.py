"""What a result says of vessels and ducts: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from PDACScreeningLib.meaning import Checked, Meaning


@dataclass(frozen=True)
class StructureMeasures(Checked):
    """Vessels or a duct, measured on the segmentation on the scan's own grid. No stage."""

    structure: Annotated[
        str,
        Meaning(
            'What it is: "veins", "arteries", "pancreatic duct" or "common bile duct".',
            pattern="^(veins|arteries|pancreatic duct|common bile duct)$",
        ),
    ]
    looked_at: Annotated[bool, Meaning("Whether the segmentation can tell it at all; if not, nothing is known of it.")]
    volume_mm3: Annotated[
        float | None, Meaning("Its volume in cubic millimeters; 0 when none was outlined.", minimum=0)
    ] = None
    largest_caliber_mm: Annotated[
        float | None,
        Meaning("Of a duct: diameter of the largest ball inside it, in millimeters; null without a voxel.", minimum=0),
    ] = None
    longest_contact_mm: Annotated[
        float | None,
        Meaning(
            "Of vessels: greatest distance in millimeters between two points of one connected area where they touch "
            "the tumor; 0 when they do not, null when not measured.",
            minimum=0,
        ),
    ] = None
    largest_contact_degrees: Annotated[
        float | None,
        Meaning(
            "Of vessels: largest part of the outline of one cross-section of 3 mm or more on an axial slice that "
            "touches the tumor, of 360 degrees; null when not measured.",
            minimum=0,
            maximum=360,
        ),
    ] = None
