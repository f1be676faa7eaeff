"""Which voxels of the scan's own grid belong to which finding: by where they lie, never by order or size.

Findings are regions of the working grid. On the scan's own grid one of them may fall apart, run into its neighbor, or
lose its last voxel. Files that other programs measure hold the scan's own grid, so each finding is measured there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.screening_result import Finding, Screening
from PDACScreeningLib.volume.box import Box, box_around
from PDACScreeningLib.volume.geometry import XYZ, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

OF_NO_FINDING = -1
_Place = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class FindingRegions:
    """The tumor voxels of the scan's own grid, shared out among the findings.

    numbers: (z, y, x) int32 inside `box`: the number of the finding, 0 outside the tumor, OF_NO_FINDING for tumor
    voxels too far from every finding, which the component filter left out of an edited segmentation.
    box: None where no voxel is labeled tumor; `numbers` is empty then.
    """

    box: Box | None
    numbers: NDArray[np.int32]

    def voxels(self) -> dict[int, int]:
        """How many voxels each number has that occurs; 0 is left out."""
        most = int(self.numbers.max(initial=0)) - OF_NO_FINDING + 1
        counts = np.zeros(most, np.int64)
        for plane in self.numbers:  # one by one: counting takes 8 bytes a voxel
            counts += np.bincount((plane - OF_NO_FINDING).ravel(), minlength=most)
        found = {place + OF_NO_FINDING: int(count) for place, count in enumerate(counts)}
        return {number: count for number, count in found.items() if count and number != 0}


def finding_regions(label_map: LabelMap, findings: Sequence[Finding], working_spacing_mm: XYZ) -> FindingRegions:
    """Share out the tumor of a label map on the scan's own grid.

    A region (6-connected, as findings are) belongs to the finding whose inner point lies in it; of a region that holds
    several, each voxel belongs to the nearest point. What is left belongs to the nearest finding that is no farther
    than two diagonals of a voxel, of the scan's grid or of the working grid, whichever is longer: a piece that broke
    off where one voxel is missing.
    """
    box = box_around(label_map.labels, lambda plane: plane == Label.TUMOR)
    if box is None:
        return FindingRegions(None, np.zeros((0, 0, 0), np.int32))
    part = label_map.cropped(box)
    regions, count = ndimage.label(part.labels == Label.TUMOR)  # scipy's own structure is the 6-connected one
    near_mm = 2 * max(float(np.linalg.norm(mm)) for mm in (part.geometry.spacing_mm, working_spacing_mm))
    tumor = _Tumor(part.geometry, regions, ndimage.find_objects(regions), near_mm)
    owners: dict[int, list[Finding]] = {region: [] for region in range(1, count + 1)}
    homeless = [finding for finding in findings if not _moved_in(owners, tumor.region_at(finding), finding)]
    for finding in homeless:
        _moved_in(owners, tumor.region_beside(finding, [region for region in owners if not owners[region]]), finding)
    return FindingRegions(box, _numbers(tumor, owners))


def with_native_volumes(screening: Screening, label_map: LabelMap) -> Screening:
    """The screening with the volumes that its label map on the scan's own grid has, as other programs measure them.

    Comes back as it is where nothing was judged.
    """
    if screening.protocol is None or screening.tumor_voxels is None:
        return screening
    regions = finding_regions(label_map, screening.findings, screening.protocol.working_spacing_mm_xyz)
    voxels, voxel_mm3 = regions.voxels(), label_map.geometry.voxel_volume_mm3
    return replace(
        screening,
        native_tumor_volume_mm3=label_map.volume_mm3(Label.TUMOR),
        native_pancreas_volume_mm3=label_map.volume_mm3(Label.PANCREAS),
        findings=tuple(
            finding
            if finding.left_out and finding.number not in voxels  # it is not in the label map
            else replace(finding, native_volume_mm3=voxels.get(finding.number, 0) * voxel_mm3)
            for finding in screening.findings
        ),
    )


@dataclass(frozen=True, eq=False)
class _Tumor:
    """The tumor of a scan: regions (z, y, x) numbered from 1, 0 around them, and the box of each."""

    geometry: Geometry
    regions: NDArray[np.int32]
    boxes: list[_Place]
    near_mm: float

    def region_at(self, finding: Finding) -> int:
        """The region around a finding's inner point; 0 where there is none."""
        index = np.rint(self.geometry.world_to_index(finding.inside_lps_mm)).astype(int)
        if (index < 0).any() or (index >= self.regions.shape).any():
            return 0
        return int(self.regions[tuple(index)])

    def region_beside(self, finding: Finding, allowed: list[int]) -> int:
        """The region nearest to a finding's inner point, of the allowed ones; 0 where none is near."""
        index = np.rint(self.geometry.world_to_index(finding.inside_lps_mm)).astype(int)
        place = self._widened(tuple(slice(first, first + 1) for first in index.tolist()))
        voxels = np.argwhere(np.isin(self.regions[place], allowed)) + [part.start for part in place]
        if len(voxels) == 0:
            return 0
        apart_mm = self.distance_mm(voxels, finding)
        near = bool(apart_mm.min() <= self.near_mm)
        return int(self.regions[tuple(voxels[apart_mm.argmin()])]) if near else 0

    def distance_mm(self, voxels: NDArray[np.intp], finding: Finding) -> NDArray[np.float64]:
        """From voxels (n, 3) to a finding's inner point."""
        world = self.geometry.index_to_world(voxels.astype(np.float64))
        apart: NDArray[np.float64] = np.linalg.norm(world - finding.inside_lps_mm, axis=1)
        return apart

    def around(self, region: int) -> _Place:
        """The box of a region and all that is near it."""
        return self._widened(self.boxes[region - 1])

    def _widened(self, place: tuple[slice, ...]) -> _Place:
        margins = np.ceil(self.near_mm / np.array(self.geometry.spacing_mm[::-1])).astype(int)
        z, y, x = (
            slice(min(max(part.start - margin, 0), length), max(min(part.stop + margin, length), 0))
            for part, margin, length in zip(place, margins.tolist(), self.regions.shape, strict=True)
        )
        return (z, y, x)


def _moved_in(owners: dict[int, list[Finding]], region: int, finding: Finding) -> bool:
    """Note whose region this is. Returns False for region 0, which is none."""
    if region:
        owners[region].append(finding)
    return region != 0


def _numbers(tumor: _Tumor, owners: dict[int, list[Finding]]) -> NDArray[np.int32]:
    """The number of a finding for every voxel of the tumor."""
    number_of = np.zeros(len(owners) + 1, np.int32)
    for region, findings in owners.items():
        if findings:
            number_of[region] = findings[0].number
    numbers = number_of[tumor.regions]
    for region in [region for region, findings in owners.items() if len(findings) > 1]:
        _divide(numbers, tumor, region, owners[region])
    pieces = [region for region, findings in owners.items() if not findings]
    for region, number in [(region, _nearest_number(numbers, tumor, region)) for region in pieces]:
        place = tumor.boxes[region - 1]
        numbers[place][tumor.regions[place] == region] = number
    return numbers


def _divide(numbers: NDArray[np.int32], tumor: _Tumor, region: int, findings: list[Finding]) -> None:
    """Each voxel of a region to the finding with the nearest inner point."""
    place = tumor.boxes[region - 1]
    voxels = np.argwhere(tumor.regions[place] == region) + [part.start for part in place]
    apart_mm = np.stack([tumor.distance_mm(voxels, finding) for finding in findings])
    numbers[tuple(voxels.T)] = np.array([finding.number for finding in findings])[apart_mm.argmin(axis=0)]


def _nearest_number(numbers: NDArray[np.int32], tumor: _Tumor, region: int) -> int:
    """The finding nearest to a region that has none; OF_NO_FINDING when none is near."""
    place = tumor.around(region)
    own, others = tumor.regions[place] == region, numbers[place]
    if not others.any():
        return OF_NO_FINDING
    spacing_zyx = tumor.geometry.spacing_mm[::-1]
    apart_mm, nearest = ndimage.distance_transform_edt(others == 0, sampling=spacing_zyx, return_indices=True)
    closest = np.unravel_index(np.where(own, apart_mm, np.inf).argmin(), own.shape)
    if apart_mm[closest] > tumor.near_mm:
        return OF_NO_FINDING
    return int(others[tuple(axis[closest] for axis in nearest)])
