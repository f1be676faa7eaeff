"""Where a radiologist scrolls to: the slice of a finding, and the number of its image in a DICOM series.

Series and image numbers are counted by the scanner and say nothing about who was scanned: DICOM's own rules for taking
the patient out of images (PS3.15, annex E) keep both. They are taken only where they are small whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from PDACScreeningLib.screening_result import Finding, InputFacts, Screening
from PDACScreeningLib.volume.geometry import Geometry

_SMALL = re.compile(r"[0-9]{1,5}")  # a longer one may be anything, also the number of a patient
_SAME_SLICE = 0.25  # of the distance of two slices


def small_number(text: str) -> int | None:
    """A series or image number of a header; None where the text is no whole number of up to five digits."""
    return int(text) if _SMALL.fullmatch(text.strip()) else None


def slice_index(finding: Finding, facts: InputFacts) -> int:
    """The slice of the scan, counted from 0 in the order of its voxels, that a finding's inner point lies in."""
    grid = Geometry(facts.shape_zyx, facts.spacing_mm_xyz, facts.origin_lps_mm, facts.direction)
    return round(float(grid.world_to_index(finding.inside_lps_mm)[0]))


def slice_at(position_mm: Sequence[float], grid: Geometry) -> int | None:
    """The slice of a grid whose place a header tells, (x, y, z) of any of its voxels; None between slices."""
    index = float(grid.world_to_index(np.array(position_mm))[0])
    return round(index) if abs(index - round(index)) < _SAME_SLICE else None


def with_image_numbers(
    screening: Screening, series_number: int | None, image_number: Callable[[int], int | None]
) -> Screening:
    """The screening with the numbers of its series and of its findings' images. image_number: of a slice, by its index.

    Comes back as it is where the scan is unknown.
    """
    facts = screening.input
    if facts is None:
        return screening
    findings = tuple(
        replace(finding, image_number=image_number(slice_index(finding, facts))) for finding in screening.findings
    )
    return replace(screening, input=replace(facts, series_number=series_number), findings=findings)
