"""One scan against its truth: by each network alone and by all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.evaluation.dice import dice
from PDACScreeningLib.inference.coarse_to_fine import Segmentation, mean_tumor_probability, segment
from PDACScreeningLib.inference.confidence_score import confidence_score
from PDACScreeningLib.inference.findings import longest_diameter_mm
from PDACScreeningLib.inference.sliding_window import WindowNetwork
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label

COMBINED = "Multi"  # the paper's name for the three networks together


@dataclass(frozen=True)
class RowResult:
    """What one row of Table 1 says of one scan. A coefficient of two empty masks is None."""

    pancreas_dice: float | None  # pancreas and tumor together against both in the truth
    tumor_dice: float | None
    tumor_voxels: int
    score: float


@dataclass(frozen=True)
class CaseResult:
    """All rows for one scan. coarse_found is False when the coarse scan was empty; every row is empty then."""

    case_id: str
    true_tumor_voxels: int
    true_tumor_diameter_mm: float | None  # longest, in 3D, on the working grid; None without a tumor
    coarse_found: bool
    rows: dict[str, RowResult]  # "64^3", "32^3", "16^3", "Multi"

    @property
    def has_tumor(self) -> bool:
        """Whether the truth holds a tumor."""
        return self.true_tumor_voxels > 0


def evaluate_case(
    case_id: str,
    ct: CTVolume,
    truth: NDArray[np.uint8],
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress = ignore_progress,
) -> CaseResult:
    """Segment one scan and compare on the working grid. ct, truth (z, y, x) labels: both of the working grid."""
    segmentation = segment(ct, networks, config, on_progress)
    names = [f"{scale.patch_size}^3" for scale in config.scales] + [COMBINED]
    labels = _label_maps(segmentation, names, ct.hu.shape)
    probabilities = _mean_probabilities(segmentation, names)
    rows = {name: _row(labels[name], truth, probabilities[name], config) for name in names}
    tumor = np.argwhere(truth == Label.TUMOR)
    diameter_mm = longest_diameter_mm(tumor, ct.geometry) if len(tumor) else None
    return CaseResult(case_id, len(tumor), diameter_mm, segmentation is not None, rows)


def _label_maps(
    segmentation: Segmentation | None, names: list[str], shape: tuple[int, ...]
) -> dict[str, NDArray[np.uint8]]:
    """Label maps of the whole volume by row. Outside the ROI every row is background."""
    maps = {name: np.zeros(shape, np.uint8) for name in names}
    if segmentation is not None:
        for name, scale in zip(names, segmentation.scales, strict=False):
            maps[name][segmentation.roi.slices] = scale.labels
        maps[COMBINED] = segmentation.labels
    return maps


def _mean_probabilities(segmentation: Segmentation | None, names: list[str]) -> dict[str, float | None]:
    means: dict[str, float | None] = dict.fromkeys(names)
    if segmentation is not None:
        for name, scale in zip(names, segmentation.scales, strict=False):
            means[name] = scale.mean_tumor_probability
        in_roi = segmentation.labels[segmentation.roi.slices]
        means[COMBINED] = mean_tumor_probability(in_roi, segmentation.tumor_probability)
    return means


def _row(
    labels: NDArray[np.uint8], truth: NDArray[np.uint8], mean_probability: float | None, config: ScreeningConfig
) -> RowResult:
    tumor_voxels = int(np.count_nonzero(labels == Label.TUMOR))
    return RowResult(
        pancreas_dice=dice(labels != Label.BACKGROUND, truth != Label.BACKGROUND),
        tumor_dice=dice(labels == Label.TUMOR, truth == Label.TUMOR),
        tumor_voxels=tumor_voxels,
        score=confidence_score(tumor_voxels, mean_probability, config.decision, config.score),
    )
