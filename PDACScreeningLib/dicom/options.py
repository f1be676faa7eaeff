"""Which DICOM objects are wanted, and who edited them. Plain values: nothing heavy is imported for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

SegmentationKind = Literal["binary", "fractional", "labelmap"]

SEGMENTATION_KINDS: tuple[SegmentationKind, ...] = get_args(SegmentationKind)
DEFAULT_KIND: SegmentationKind = "binary"  # which viewers of any age read


@dataclass(frozen=True)
class DicomOptions:
    """How the segments are stored, and what is written beside segmentation, report and key images."""

    segmentation: SegmentationKind = DEFAULT_KIND
    probability: bool = False  # the networks' output for the class tumor
    key_objects: bool = False  # the slices through the findings, marked


@dataclass(frozen=True)
class Edit:
    """Who changed the segments of the AI. Raises ValueError for a name that DICOM cannot hold."""

    reader: str  # as DICOM writes names, family^given, or as it is

    def __post_init__(self) -> None:
        if not self.reader.strip() or len(self.reader) > 64 or not self.reader.isprintable():
            raise ValueError("a reader's name has 1 to 64 printable characters")
        if set(self.reader) & set("\\="):
            raise ValueError("a reader's name holds neither backslash nor equals sign")
