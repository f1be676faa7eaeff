"""Does a label map lie on the gland, or on its mirror image? (ADR 0011)

Label maps are often stored with an axis running the other way than their header says. Such a label map has the right
shape and plausible values, and a network trained on it learns nothing. A pancreas is soft tissue in fat, so the share
of soft tissue is higher inside the label than around it; for a mirrored label map there is no such step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.volume.arrays import HU_ZYX, LABELS_ZYX
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.geometry import XYZ

SOFT_TISSUE_HU = (-20, 200)  # pancreas and tumor with or without contrast
SHELL_MM = 6.0  # how far around the label "around" reaches
REFUSED_ABOVE = 0.1  # a mirrored pose that fits better by this much is the right one
DOUBTFUL_BELOW = 0.05  # less of a lead over the best mirrored pose proves nothing
_SHELL_VOXELS = 1.5  # at least one neighbor on coarse grids

AnyDType = TypeVar("AnyDType", bound=np.generic)
Flips = tuple[bool, bool, bool]  # along (z, y, x) of the canonical orientation
POSES: tuple[Flips, ...] = tuple(cast(Flips, flips) for flips in product((False, True), repeat=3))
AS_STORED = POSES[0]
AXIS_NAMES = ("head-foot", "front-back", "left-right")  # of (z, y, x)


@dataclass(frozen=True)
class LabelPlacement:
    """Share of soft tissue inside the label minus the share around it, for the eight mirrorings, in order of POSES."""

    contrasts: tuple[float, ...]

    @property
    def best_mirrored(self) -> Flips:
        """The mirroring that fits best, other than as stored."""
        return POSES[1 + int(np.argmax(self.contrasts[1:]))]

    @property
    def lead(self) -> float:
        """How much better the label map fits as it is stored than mirrored in the best way."""
        return self.contrasts[0] - max(self.contrasts[1:])

    @property
    def is_mirrored(self) -> bool:
        """Whether a mirrored label map fits so much better that this one cannot be right."""
        return self.lead <= -REFUSED_ABOVE

    @property
    def is_doubtful(self) -> bool:
        """Whether the label map does not fit better than its mirror images, so that nothing is proven."""
        return self.lead < DOUBTFUL_BELOW


def label_placement(hu: HU_ZYX, labels: LABELS_ZYX, spacing_mm: XYZ) -> LabelPlacement:
    """Compare a label map with its mirror images.

    hu, labels: (z, y, x) in canonical orientation; spacing_mm: (x, y, z). Mirroring is about the center of the array,
    as when an axis is stored backwards. Raises ValueError for a label map without a pancreas.
    """
    gland = bounding_box(labels)
    if gland is None:
        raise ValueError("a label map without a pancreas lies nowhere")
    spacing_zyx = np.array(spacing_mm[::-1])
    reach_mm = max(SHELL_MM, _SHELL_VOXELS * float(spacing_zyx.max()))
    z, y, x = np.ceil(reach_mm / spacing_zyx).astype(int)
    box = _grown(gland, (int(z), int(y), int(x)), labels.shape)
    inside = labels[box.slices] != 0
    away_mm = ndimage.distance_transform_edt(~inside, sampling=spacing_zyx)
    around = ~inside & (away_mm <= reach_mm)
    if not around.any():  # the label fills the volume
        return LabelPlacement((0.0,) * len(POSES))
    return LabelPlacement(tuple(_contrast(mirrored(hu, flips)[box.slices], inside, around) for flips in POSES))


def describe(flips: Flips) -> str:
    """The axes of a mirroring in words, e.g. "front-back and left-right"."""
    return " and ".join(name for name, flipped in zip(AXIS_NAMES, flips, strict=True) if flipped)


def mirrored(array: NDArray[AnyDType], flips: Flips) -> NDArray[AnyDType]:
    """A view of a (z, y, x) array with some axes reversed."""
    z, y, x = (slice(None, None, -1) if flipped else slice(None) for flipped in flips)
    return array[z, y, x]


def _contrast(hu: HU_ZYX, inside: NDArray[np.bool_], around: NDArray[np.bool_]) -> float:
    low, high = SOFT_TISSUE_HU
    soft = (hu >= low) & (hu <= high)
    return float(soft[inside].mean() - soft[around].mean())


def _grown(box: Box, margin: tuple[int, int, int], shape: tuple[int, ...]) -> Box:
    start = tuple(max(0, low - by) for low, by in zip(box.start, margin, strict=True))
    stop = tuple(min(length, high + by) for high, by, length in zip(box.stop, margin, shape, strict=True))
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
