"""Training patches (section 2.2): three types in equal number inside the ROI around the pancreas.

"We first compute the region-of-interest (ROI) by padding a 32-voxel margin around the minimal 3D bounding box covering
the entire pancreas. Within it, we categorize the randomly sampled patches into three types (i.e., background, tumor and
pancreas) according to the fraction of pancreas and tumor voxels, and make the numbers of training patches of these
types to be approximately the same."
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import PatchSampling
from PDACScreeningLib.training.augmentation import IDENTITY, random_symmetry
from PDACScreeningLib.training.case_store import Case
from PDACScreeningLib.training.label_voxels import LabelVoxels
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.geometry import ZYX
from PDACScreeningLib.volume.label_map import Label

_TRIES = 30  # draws before the last patch is taken whatever its type


class PatchType(Enum):
    """What a patch mostly teaches."""

    BACKGROUND = "background"
    PANCREAS = "pancreas"
    TUMOR = "tumor"


_TYPES = tuple(PatchType)


@dataclass(frozen=True)
class PatchBatch:
    """hu: (n, z, y, x) int16, labels: (n, z, y, x) uint8; every patch is a cube."""

    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]


def patch_type(pancreas_voxels: int, tumor_voxels: int, voxels: int, rule: PatchSampling) -> PatchType:
    """The type of a patch of so many voxels by the fraction of its tumor and pancreas voxels; tumor comes first."""
    if tumor_voxels >= max(1.0, rule.min_tumor_fraction * voxels):
        return PatchType.TUMOR
    if pancreas_voxels >= max(1.0, rule.min_pancreas_fraction * voxels):
        return PatchType.PANCREAS
    return PatchType.BACKGROUND


class PatchSampler:
    """Draws patches of one size from cases. Holds no random state: the same `rng` gives the same batch.

    roi_share: share of patches drawn by type inside the ROI; the rest lie anywhere in the volume. It is 1 for the
    32^3 and 16^3 networks; the paper does not say how it samples for 64^3, `PatchSampling.coarse_roi_share` does.
    Raises ValueError when there is no case.
    """

    def __init__(self, cases: Sequence[Case], patch_size: int, rule: PatchSampling, roi_share: float) -> None:
        if not cases:
            raise ValueError("a patch sampler needs at least one case")
        self.cases, self.patch_size, self.rule, self.roi_share = tuple(cases), patch_size, rule, roi_share
        self.tumor_cases = tuple(case for case in self.cases if case.facts.tumor_voxels > 0)
        self._foreground = {case.facts.case_id: _Foreground.of(case, patch_size) for case in self.cases}

    def sample(self, rng: np.random.Generator, count: int, *, augment: bool) -> PatchBatch:
        """Draw `count` patches; with `augment`, each under its own cube symmetry, labels with it."""
        shape = (count, self.patch_size, self.patch_size, self.patch_size)
        batch = PatchBatch(np.empty(shape, np.int16), np.empty(shape, np.uint8))
        first_type = int(rng.integers(3))  # so that batches not divisible by three stay balanced over time
        for slot in range(count):
            case, first = self._draw(rng, _TYPES[(first_type + slot) % 3])
            symmetry = random_symmetry(rng) if augment else IDENTITY
            hu, labels = _crop(case, first, self.patch_size)
            batch.hu[slot], batch.labels[slot] = symmetry(hu), symmetry(labels)  # the only copy of a patch
        return batch

    def _draw(self, rng: np.random.Generator, wanted: PatchType) -> tuple[Case, ZYX]:
        """A case and the first voxel of a patch in it, moved inside the volume."""
        if rng.random() >= self.roi_share:
            case = self.cases[rng.integers(len(self.cases))]
            return case, _corner_inside(rng, Box((0, 0, 0), case.facts.shape), self.patch_size)
        cases = self.tumor_cases if wanted is PatchType.TUMOR and self.tumor_cases else self.cases
        case = cases[rng.integers(len(cases))]
        roi = case.facts.gland.padded(self.rule.roi_margin_voxels, case.facts.shape)
        for _ in range(_TRIES):
            first = _moved_inside(self._corner(rng, case, roi, wanted), self.patch_size, case.facts.shape)
            if self._type_at(case, first) is wanted:
                break
        return case, first

    def _type_at(self, case: Case, first: ZYX) -> PatchType:
        foreground = self._foreground[case.facts.case_id]
        pancreas = foreground.pancreas.count_inside(first, self.patch_size)
        tumor = foreground.tumor.count_inside(first, self.patch_size)
        return patch_type(pancreas, tumor, self.patch_size**3, self.rule)

    def _corner(self, rng: np.random.Generator, case: Case, roi: Box, wanted: PatchType) -> ZYX:
        """First voxel of a candidate: around a random voxel of the wanted class, or anywhere in the ROI.

        Proposing around a voxel of the class only saves draws: the type still decides by the fractions.
        """
        voxels = self._foreground[case.facts.case_id].of_type(wanted)
        if voxels is None or not len(voxels.positions):
            return _corner_inside(rng, roi, self.patch_size)
        anchor = voxels.positions[rng.integers(len(voxels.positions))]
        z, y, x = (int(at) - int(rng.integers(self.patch_size)) for at in anchor)
        return (z, y, x)


@dataclass(frozen=True)
class _Foreground:
    """The pancreas and tumor voxels of a case."""

    pancreas: LabelVoxels
    tumor: LabelVoxels

    @staticmethod
    def of(case: Case, size: int) -> _Foreground:
        return _Foreground(LabelVoxels.of(case, Label.PANCREAS, size), LabelVoxels.of(case, Label.TUMOR, size))

    def of_type(self, wanted: PatchType) -> LabelVoxels | None:
        return {PatchType.BACKGROUND: None, PatchType.PANCREAS: self.pancreas, PatchType.TUMOR: self.tumor}[wanted]


def _corner_inside(rng: np.random.Generator, box: Box, size: int) -> ZYX:
    """A random corner of a patch inside the box; centered on an axis that is shorter than the patch."""
    z, y, x = (
        int(rng.integers(low, high - size + 1)) if high - low >= size else (low + high - size) // 2
        for low, high in zip(box.start, box.stop, strict=True)
    )
    return (z, y, x)


def _moved_inside(corner: ZYX, size: int, shape: ZYX) -> ZYX:
    """The corner of a patch that lies inside the volume; 0 on an axis that is shorter than the patch."""
    z, y, x = (min(max(start, 0), max(length - size, 0)) for start, length in zip(corner, shape, strict=True))
    return (z, y, x)


def _crop(case: Case, corner: ZYX, size: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """The patch at a corner, moved inside the volume where it sticks out; a short axis is padded with air.

    Views of the stored arrays where nothing is padded.
    """
    first, shape = _moved_inside(corner, size, case.facts.shape), case.facts.shape
    z, y, x = (slice(start, min(start + size, length)) for start, length in zip(first, shape, strict=True))
    hu, labels = case.hu[z, y, x], case.labels[z, y, x]
    if min(shape) < size:
        missing = [max(0, size - length) for length in shape]
        pads = [(all_of_it // 2, all_of_it - all_of_it // 2) for all_of_it in missing]
        hu = np.pad(hu, pads, constant_values=AIR_HU)
        labels = np.pad(labels, pads, constant_values=Label.BACKGROUND)
    return hu, labels
