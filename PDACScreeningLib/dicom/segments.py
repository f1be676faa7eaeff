"""A label map as numbered segments: the pancreas, and one for each finding that has voxels of the scan's own grid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.finding_regions import OF_NO_FINDING, finding_regions
from PDACScreeningLib.screening_result import Finding, Screening
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import Label, LabelMap


@dataclass(frozen=True)
class Segment:
    """One segment of a segmentation object."""

    number: int  # 1, 2, ... without gaps
    name: str  # also how it is tracked
    label: Label
    finding: Finding | None  # None for the pancreas, and for tumor voxels of no finding
    voxels: int
    volume_mm3: float
    voxels_sha256: str  # of the voxels and their place: equal ones were not edited


@dataclass(frozen=True, eq=False)
class NumberedSegments:
    """Segments and their voxels, on the planes that hold any.

    first_plane: z index in the volume of plane 0 of `numbers`. numbers: (z, y, x) uint8, uint16 for more than 255
    segments; 0 is background. A label map without labels has no segments and no planes.
    """

    segments: tuple[Segment, ...]
    first_plane: int
    numbers: NDArray[np.uint8] | NDArray[np.uint16]

    @property
    def planes(self) -> range:
        """z indices of the volume that are in `numbers`."""
        return range(self.first_plane, self.first_plane + len(self.numbers))

    @property
    def sha256(self) -> str:
        """Of everything: equal ones are the same segmentation."""
        return hashlib.sha256("".join(segment.voxels_sha256 for segment in self.segments).encode()).hexdigest()

    def pancreas(self) -> Segment | None:
        """The segment of the pancreas; None when no voxel is labeled so."""
        return next((segment for segment in self.segments if segment.label is Label.PANCREAS), None)


def numbered_segments(label_map: LabelMap, screening: Screening) -> NumberedSegments:
    """Number the segments of a label map on the scan's own grid: pancreas first, then the findings by their numbers.

    A finding without a voxel of that grid has no segment. Tumor voxels of no finding are the last segment.
    """
    planes = np.flatnonzero(label_map.labels.any(axis=(1, 2)))
    if len(planes) == 0:
        return NumberedSegments((), 0, np.zeros((0, *label_map.labels.shape[1:]), np.uint8))
    first, stop = int(planes[0]), int(planes[-1]) + 1
    labels = label_map.labels[first:stop]
    spacing_mm = screening.protocol.working_spacing_mm_xyz if screening.protocol else label_map.geometry.spacing_mm
    tumor = _tumor_numbers(label_map, screening, spacing_mm)
    present = [0] if bool((labels == Label.PANCREAS).any()) else []  # 0 stands for the pancreas
    present += sorted(tumor.found, key=lambda number: (number == OF_NO_FINDING, number))
    numbers: NDArray[np.uint8] | NDArray[np.uint16]
    numbers = np.zeros(labels.shape, np.uint8 if len(present) <= np.iinfo(np.uint8).max else np.uint16)
    if present[0] == 0:
        numbers[labels == Label.PANCREAS] = 1
    tumor.write(numbers, first, {number: place for place, number in enumerate(present, start=1)})
    findings = {finding.number: finding for finding in screening.findings}
    segments = tuple(
        _segment(place, number, findings.get(number), numbers, first, label_map)
        for place, number in enumerate(present, start=1)
    )
    return NumberedSegments(segments, first, numbers)


@dataclass(frozen=True, eq=False)
class _TumorNumbers:
    """Numbers of the findings in a box that begins at `start`."""

    start: tuple[int, int, int]
    numbers: NDArray[np.int32]
    found: tuple[int, ...]

    def write(self, into: NDArray[np.uint8] | NDArray[np.uint16], first_plane: int, place_of: dict[int, int]) -> None:
        """Write `place_of[number]` where a number is; `into` begins at a plane of the volume."""
        z, y, x = self.start
        depth, height, width = self.numbers.shape
        target = into[z - first_plane : z - first_plane + depth, y : y + height, x : x + width]
        table = np.zeros(max(self.found, default=0) - OF_NO_FINDING + 1, into.dtype)
        for number in self.found:
            table[number - OF_NO_FINDING] = place_of[number]
        for plane, numbers in zip(target, self.numbers, strict=True):
            inside = numbers != 0
            plane[inside] = table[numbers[inside] - OF_NO_FINDING]


def _tumor_numbers(label_map: LabelMap, screening: Screening, spacing_mm: XYZ) -> _TumorNumbers:
    regions = finding_regions(label_map, screening.findings, spacing_mm)
    start = regions.box.start if regions.box is not None else (0, 0, 0)
    return _TumorNumbers(start, regions.numbers, tuple(regions.voxels()))


def _segment(
    place: int,
    number: int,
    finding: Finding | None,
    numbers: NDArray[np.uint8] | NDArray[np.uint16],
    first_plane: int,
    label_map: LabelMap,
) -> Segment:
    """Describe the segment that is stored as `place`."""
    digest, voxels = hashlib.sha256(repr(label_map.labels.shape).encode()), 0
    for z, plane in enumerate(numbers, start=first_plane):
        indices = np.flatnonzero(plane == place)
        if len(indices):
            voxels += len(indices)
            digest.update(z.to_bytes(4, "little") + indices.astype("<u4").tobytes())
    name = "Pancreas" if number == 0 else "Tumor voxels of no finding" if finding is None else f"Finding {number}"
    return Segment(
        number=place,
        name=name,
        label=Label.PANCREAS if number == 0 else Label.TUMOR,
        finding=finding,
        voxels=voxels,
        volume_mm3=voxels * label_map.geometry.voxel_volume_mm3,
        voxels_sha256=digest.hexdigest(),
    )
