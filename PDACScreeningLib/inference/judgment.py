"""From a segmentation to an answer: c of Eq. 1, y = c(s(X)), with the score and the regions it rests on.

The networks' own segmentation and one that a reviewer edited are judged by the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import DecisionRule, ScoreWeights
from PDACScreeningLib.inference.coarse_to_fine import mean_tumor_probability
from PDACScreeningLib.inference.findings import find_tumors
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.quantity_words import voxels_and_volume
from PDACScreeningLib.screening_result import Finding
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label


@dataclass(frozen=True)
class Judgment:
    """What labels say. The fields are those of Screening with the same names."""

    outcome: Outcome
    reason: str
    score: float | None
    tumor_voxels: int
    tumor_volume_mm3: float
    pancreas_voxels: int
    pancreas_volume_mm3: float
    mean_tumor_probability: float | None
    findings: tuple[Finding, ...]


def judge(
    labels: NDArray[np.uint8],
    tumor_probability: NDArray[np.float32] | None,
    ct: CTVolume,
    rule: DecisionRule,
    weights: ScoreWeights,
) -> Judgment:
    """Count, decide, score and measure a filtered segmentation of the working grid (Eq. 1, sections 2.3 and 3.3).

    labels: (z, y, x) values of Label after the component filter. tumor_probability: (z, y, x) float32 of the same
    voxels, None when there is none; then there is no score, and the call rests on the count. ct: the same voxels.
    Labels without a tumor are judged like any others: NOT_SUSPICIOUS, with no finding.
    """
    voxel_mm3 = ct.geometry.voxel_volume_mm3
    tumor_voxels = int(np.count_nonzero(labels == Label.TUMOR))
    pancreas_voxels = int(np.count_nonzero(labels == Label.PANCREAS))
    mean = None if tumor_probability is None else mean_tumor_probability(labels, tumor_probability)
    return Judgment(
        outcome=classify(tumor_voxels, rule),
        reason=explain(tumor_voxels, rule, voxel_mm3),
        score=None if tumor_probability is None else confidence_score(tumor_voxels, mean, rule, weights),
        tumor_voxels=tumor_voxels,
        tumor_volume_mm3=tumor_voxels * voxel_mm3,
        pancreas_voxels=pancreas_voxels,
        pancreas_volume_mm3=pancreas_voxels * voxel_mm3,
        mean_tumor_probability=mean,
        findings=find_tumors(labels, tumor_probability, ct),
    )


def classify(tumor_voxels: int, rule: DecisionRule) -> Outcome:
    """SUSPICIOUS when at least K voxels are tumor (section 2.3: "if at least K voxels are predicted as tumor").

    tumor_voxels: of the working grid, after the component filter. The paper's word is PDAC; ours is "suspicious",
    because only histology names a tumor.
    """
    return Outcome.SUSPICIOUS if tumor_voxels >= rule.min_tumor_voxels else Outcome.NOT_SUSPICIOUS


def explain(tumor_voxels: int, rule: DecisionRule, voxel_volume_mm3: float) -> str:
    """One sentence that says what the decision rests on, in voxels of the working grid and in mm3."""
    needed = voxels_and_volume(rule.min_tumor_voxels, rule.min_tumor_voxels * voxel_volume_mm3)
    threshold = f"{needed} or more are called suspicious"
    if tumor_voxels == 0:
        return f"No voxel was segmented as tumor; {threshold}."
    return f"{voxels_and_volume(tumor_voxels, tumor_voxels * voxel_volume_mm3)} segmented as tumor; {threshold}."


def confidence_score(
    tumor_voxels: int, mean_tumor_probability: float | None, rule: DecisionRule, weights: ScoreWeights
) -> float:
    """Weighted sum of tumor size and mean tumor probability (section 3.3).

    s = a n / (n + K) + (1 - a) p  for n > 0, else 0. The paper gives neither the weights nor how a voxel count comes
    to lie in [0, 1]; n / (n + K) is 1/2 exactly where its rule decides, rises always and needs no data set's maximum.

    tumor_voxels: n, of the working grid, after the component filter. mean_tumor_probability: p, over those voxels; None
    exactly when there are none. The score ranks scans; it is not the probability of cancer.
    Raises ValueError when n and p do not belong together.
    """
    if (tumor_voxels == 0) != (mean_tumor_probability is None):
        raise ValueError(f"{tumor_voxels} tumor voxels cannot have the mean probability {mean_tumor_probability}")
    if mean_tumor_probability is None:
        return 0.0
    share = tumor_voxels / (tumor_voxels + rule.min_tumor_voxels)
    return weights.count_weight * share + (1 - weights.count_weight) * mean_tumor_probability
