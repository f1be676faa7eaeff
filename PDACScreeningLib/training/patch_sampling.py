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
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import PatchSampling
from PDACScreeningLib.training.augmentation import IDENTITY, CubeSymmetry, random_symmetry
from PDACScreeningLib.training.case_store import Case
from PDACScreeningLib.training.label_voxels import LabelVoxels
from PDACScreeningLib.training.packed_voxels import PackedArray, PackedPlaces
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
_NOWHERE = np.empty((0, 3), np.int16)


@dataclass(frozen=True)
class PatchBatch:
    """hu: (n, z, y, x) int16, labels: (n, z, y, x) uint8; every patch is a cube."""

    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.hu)

    def part(self, first: int, last: int) -> PatchBatch:
        """The patches from `first` to before `last`; views."""
        return PatchBatch(self.hu[first:last], self.labels[first:last])


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
    symmetries: among which `augment` draws. Raises ValueError when there is no case.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        patch_size: int,
        rule: PatchSampling,
        roi_share: float,
        *,
        symmetries: Literal["cube", "axial"] = "cube",
    ) -> None:
        if not cases:
            raise ValueError("a patch sampler needs at least one case")
        self.patch_size, self.rule, self.roi_share, self.symmetries = patch_size, rule, roi_share, symmetries
        self._cases = tuple(_SampledCase.of(number, case, patch_size, rule) for number, case in enumerate(cases))
        self._tumor_cases = tuple(case for case in self._cases if len(case.tumor))

    def sample(self, rng: np.random.Generator, count: int, *, augment: bool, part: slice = slice(None)) -> PatchBatch:
        """Draw `count` patches; with `augment`, each under its own cube symmetry, labels with it.

        part: which of them to return; the others are drawn all the same, but not copied, which is the larger work.
        """
        drawn = self.draw(rng, count, augment=augment, part=part)
        shape = (len(drawn), self.patch_size, self.patch_size, self.patch_size)
        batch = PatchBatch(np.empty(shape, np.int16), np.empty(shape, np.uint8))
        for slot, patch in enumerate(drawn):
            hu, labels = _crop(patch.place, self.patch_size)
            batch.hu[slot], batch.labels[slot] = patch.symmetry(hu), patch.symmetry(labels)  # the only copy of a patch
        return batch

    def draw(
        self, rng: np.random.Generator, count: int, *, augment: bool, part: slice = slice(None)
    ) -> list[DrawnPatch]:
        """What `sample` would copy: where the patches lie and how they are turned."""
        first_type = int(rng.integers(3))  # so that batches not divisible by three stay balanced over time
        drawn = []
        for slot in range(count):
            place = self._draw(rng, _TYPES[(first_type + slot) % 3])
            drawn.append(DrawnPatch(place, random_symmetry(rng, self.symmetries) if augment else IDENTITY))
        return drawn[part]

    def _draw(self, rng: np.random.Generator, wanted: PatchType) -> _Place:
        """Where a patch lies."""
        if rng.random() >= self.roi_share:
            case = self._cases[rng.integers(len(self._cases))]
            return _Place(case, case.moved_inside(_corner_inside(rng, Box((0, 0, 0), case.shape), self.patch_size)))
        cases = self._tumor_cases if wanted is PatchType.TUMOR and self._tumor_cases else self._cases
        case = cases[rng.integers(len(cases))]
        for _ in range(_TRIES):
            place, kind = self._looked_at(case, case.moved_inside(self._corner(rng, case, wanted)))
            if kind is wanted:
                break
        return place

    def _looked_at(self, case: _SampledCase, corner: ZYX) -> tuple[_Place, PatchType]:
        """The patch at a corner, and its type; the labels of a compressed case are read for that, and kept."""
        size, sums = self.patch_size, case.sums
        if sums is not None:
            pancreas, tumor = (of.count_inside(corner, size) for of in sums)
            place = _Place(case, corner)
        else:
            z, y, x = (slice(start, start + size) for start in corner)
            labels = case.labels[z, y, x]
            tumor = int(np.count_nonzero(labels == np.uint8(Label.TUMOR))) if len(case.tumor) else 0
            pancreas = int(np.count_nonzero(labels)) - tumor
            place = _Place(case, corner, labels)
        return place, patch_type(pancreas, tumor, size**3, self.rule)

    def _corner(self, rng: np.random.Generator, case: _SampledCase, wanted: PatchType) -> ZYX:
        """First voxel of a candidate: around a random voxel of the wanted class, or anywhere in the ROI.

        Proposing around a voxel of the class only saves draws: the type still decides by the fractions.
        """
        positions = case.positions_of(wanted)
        if not len(positions):
            return _corner_inside(rng, case.roi, self.patch_size)
        anchor = positions[int(rng.integers(len(positions)))].tolist()
        z, y, x = (at - int(rng.integers(self.patch_size)) for at in anchor)
        return (z, y, x)


@dataclass(frozen=True)
class _SampledCase:
    """A case as the sampler wants it: voxels, the ROI, the places of both classes, room for a patch.

    number: its place among the cases of the sampler.
    sums: count pancreas and tumor in a cube without reading it; None for a compressed case, of which nothing is kept.
    last_corner: the largest first voxel of a patch inside the volume; 0 on an axis that is shorter than the patch.
    """

    number: int
    hu: NDArray[np.int16] | PackedArray[np.int16]
    labels: NDArray[np.uint8] | PackedArray[np.uint8]
    roi: Box
    pancreas: NDArray[np.int16] | PackedPlaces
    tumor: NDArray[np.int16] | PackedPlaces
    sums: tuple[LabelVoxels, LabelVoxels] | None
    last_corner: ZYX

    @staticmethod
    def of(number: int, case: Case, size: int, rule: PatchSampling) -> _SampledCase:
        shape = case.facts.shape
        z, y, x = (max(length - size, 0) for length in shape)
        sums: tuple[LabelVoxels, LabelVoxels] | None = None
        pancreas: NDArray[np.int16] | PackedPlaces
        tumor: NDArray[np.int16] | PackedPlaces
        if case.places is not None:
            pancreas, tumor = case.places
        else:
            sums = LabelVoxels.of(case, Label.PANCREAS, size), LabelVoxels.of(case, Label.TUMOR, size)
            pancreas, tumor = sums[0].positions, sums[1].positions
        return _SampledCase(
            number=number,
            hu=np.asarray(case.hu) if isinstance(case.hu, np.ndarray) else case.hu,  # not np.memmap, whose slices cost
            labels=np.asarray(case.labels) if isinstance(case.labels, np.ndarray) else case.labels,  # more than a patch
            roi=case.facts.gland.padded(rule.roi_margin_voxels, shape),
            pancreas=pancreas,
            tumor=tumor,
            sums=sums,
            last_corner=(z, y, x),
        )

    @property
    def shape(self) -> ZYX:
        z, y, x = self.hu.shape
        return (z, y, x)

    def moved_inside(self, corner: ZYX) -> ZYX:
        """The corner of a patch that sticks out, moved so that it does not."""
        z, y, x = (min(max(at, 0), last) for at, last in zip(corner, self.last_corner, strict=True))
        return (z, y, x)

    def positions_of(self, wanted: PatchType) -> NDArray[np.int16] | PackedPlaces:
        """Voxels to propose patches around: (n, 3), none for background."""
        if wanted is PatchType.BACKGROUND:
            return _NOWHERE
        return self.tumor if wanted is PatchType.TUMOR else self.pancreas


def _corner_inside(rng: np.random.Generator, box: Box, size: int) -> ZYX:
    """A random corner of a patch inside the box; centered on an axis that is shorter than the patch."""
    z, y, x = (
        int(rng.integers(low, high - size + 1)) if high - low >= size else (low + high - size) // 2
        for low, high in zip(box.start, box.stop, strict=True)
    )
    return (z, y, x)


@dataclass(frozen=True, eq=False)
class _Place:
    """A patch: the first voxel of a cube inside the volume, and its labels where they were read already."""

    case: _SampledCase
    corner: ZYX
    labels: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class DrawnPatch:
    """A patch that is drawn and not yet cut."""

    place: _Place
    symmetry: CubeSymmetry

    @property
    def case_number(self) -> int:
        """Which of the sampler's cases it lies in."""
        return self.place.case.number

    @property
    def corner(self) -> ZYX:
        """Its first voxel in the case; 0 on an axis that is shorter than the patch and gets padded."""
        return self.place.corner


def padding(shape: ZYX, size: int) -> list[tuple[int, int]]:
    """Voxels before and after each axis that make it as long as a patch; (0, 0) where it is long enough."""
    missing = [max(size - length, 0) for length in shape]
    return [(voxels // 2, voxels - voxels // 2) for voxels in missing]


def _crop(place: _Place, size: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """The voxels of a patch; a short axis is padded with air. Views where nothing is padded or unpacked."""
    z, y, x = (slice(start, start + size) for start in place.corner)
    hu = place.case.hu[z, y, x]
    labels = place.case.labels[z, y, x] if place.labels is None else place.labels
    if hu.shape != (size, size, size):
        pads = padding((hu.shape[0], hu.shape[1], hu.shape[2]), size)
        hu = np.pad(hu, pads, constant_values=AIR_HU)
        labels = np.pad(labels, pads, constant_values=Label.BACKGROUND)
    return hu, labels
