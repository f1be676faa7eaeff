"""What the two segments are called, colored and coded: `Resources/terminology/segments.json` as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from PDACScreeningLib.plain_data import from_plain
from PDACScreeningLib.resources import resource
from PDACScreeningLib.volume.anatomy import Structure
from PDACScreeningLib.volume.label_map import Label

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Code:
    """A coded concept, e.g. SNOMED CT (scheme SCT) 15776009 Pancreas."""

    scheme: str
    value: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.scheme}^{self.value}^{self.meaning}"


@dataclass(frozen=True)
class SegmentDescription:
    """One segment: its value in the label map, its looks and its meaning."""

    label: int
    id: str
    name: str
    color: str  # "#RRGGBB"
    category: Code
    type: Code
    region: Code | None  # the anatomy a finding lies in

    @property
    def rgb(self) -> RGB:
        """Color as three values in 0..255."""
        red, green, blue = bytes.fromhex(self.color.removeprefix("#"))
        return (red, green, blue)


@dataclass(frozen=True)
class SegmentTerminology:
    """Both segments, those of the anatomy, and the names of the lists of 3D Slicer that their codes come from.

    network_colors: of what each network alone segmented, coarse first, told apart without red and green.

    The tumor is coded as a mass in the pancreas: a screening hit is not a confirmed neoplasm.
    """

    format_version: int
    terminology_context: str
    anatomic_context: str
    network_colors: tuple[str, ...]
    segments: tuple[SegmentDescription, ...]
    anatomy: tuple[SegmentDescription, ...]  # vessels and ducts; their labels are values of Structure

    def entry(self, segment: SegmentDescription) -> str:
        """The terminology string of 3D Slicer: context~category~type~modifier~context~region~modifier."""
        region = str(segment.region) if segment.region else "^^"
        codes = f"{segment.category}~{segment.type}~^^"
        return f"{self.terminology_context}~{codes}~{self.anatomic_context}~{region}~^^"


@cache
def segment_terminology() -> SegmentTerminology:
    """Read once. Raises ValueError when the file does not fit."""
    text = resource("terminology/segments.json").read_text(encoding="utf-8")
    return from_plain(SegmentTerminology, json.loads(text))


def anatomy_segments(looked_at: Iterable[Structure]) -> tuple[SegmentDescription, ...]:
    """The descriptions of vessels and ducts, in the order of Structure."""
    return tuple(segment for segment in segment_terminology().anatomy if segment.label in set(looked_at))


def segment_of(label: Label) -> SegmentDescription:
    """The description of pancreas or tumor. Raises KeyError for the background."""
    return {segment.label: segment for segment in segment_terminology().segments}[label]
