"""From a segmentation to an answer: c of Eq. 1, y = c(s(X)), with the score and the regions it rests on.

The networks' own segmentation and one that a reviewer edited are judged by the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from PDACScreeningLib.config import DecisionRule, ScoreWeights
from PDACScreeningLib.inference.assessment import NOT_NORMAL, doubts, left_out_warning, reaches_border
from PDACScreeningLib.inference.coarse_to_fine import mean_tumor_probability, tumor_evidence
from PDACScreeningLib.inference.findings import find_tumors
from PDACScreeningLib.inference.postprocessing import filter_components
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.quantity_words import volume_and_voxels
from PDACScreeningLib.screening_result import Finding
from PDACScreeningLib.training_range import scan_traits
from PDACScreeningLib.volume.arrays import LABELS_ZYX, PROBABILITY_ZYX
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import Label

LEFT_OUT_SHOWN = 5  # regions that the component rule took away and that are listed; all are counted


@dataclass(frozen=True)
class Judgment:
    """What labels say. The fields are those of Screening with the same names."""

    outcome: Outcome
    reason: str
    rule_call: Outcome
    score: float | None
    tumor_voxels: int
    tumor_volume_mm3: float
    removed_tumor_voxels: int
    pancreas_voxels: int
    pancreas_volume_mm3: float
    mean_tumor_probability: float | None
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]


def judge(
    drawn: LABELS_ZYX,
    tumor_probability: PROBABILITY_ZYX | None,
    ct: CTVolume,
    protocol: Protocol,
    *,
    at_border: bool | None = None,
    native_spacing_mm: XYZ | None = None,
) -> Judgment:
    """Filter, count, decide, score and measure a segmentation of the working grid (Eq. 1, sections 2.3 and 3.3).

    drawn: (z, y, x) values of Label before the component filter, of the scan or of a part that holds all of the gland.
    tumor_probability: (z, y, x) float32 of the same voxels, None when there is none; then there is no score, and the
    call rests on the count. ct: the same voxels. at_border: whether the filtered gland touches a face of the
    scan; None where `drawn` is the whole scan, which tells by itself. native_spacing_mm: of the scan's own grid; None
    where it is not known.

    The rule's own call is `rule_call`. A scan that it calls not suspicious is INDETERMINATE when something stands
    against believing it (`assessment`); so are labels without a pancreas. Numbers and findings are there in any case.
    """
    labels = filter_components(drawn, protocol.components)
    removed = (drawn == Label.TUMOR) & (labels != Label.TUMOR)
    tumor_voxels, pancreas_voxels = (int(np.count_nonzero(labels == label)) for label in (Label.TUMOR, Label.PANCREAS))
    removed_voxels = int(np.count_nonzero(removed))
    mean = None if tumor_probability is None else mean_tumor_probability(labels, tumor_probability)
    rule, found = protocol.decision, find_tumors(labels, tumor_probability, ct)
    left_out = find_tumors(np.where(removed, np.uint8(Label.TUMOR), np.uint8(0)), tumor_probability, ct)
    score = None
    if tumor_probability is not None:
        evidence = tumor_evidence(tumor_probability[labels != Label.BACKGROUND], rule)
        score = confidence_score(tumor_voxels, mean, evidence, rule, protocol.score)
    call = classify(tumor_voxels, rule, score)
    against = doubts_about(drawn, labels, ct, protocol, at_border=at_border, native_spacing_mm=native_spacing_mm)
    believed = call is Outcome.SUSPICIOUS or not against
    warnings = (*against[0 if believed else 1 :], left_out_warning(protocol, removed_voxels))
    reason = explain(tumor_voxels, rule, protocol.voxel_mm3, score)
    return Judgment(
        outcome=call if believed else Outcome.INDETERMINATE,
        reason=reason if believed else f"{against[0]} {NOT_NORMAL}",
        rule_call=call,
        score=score,
        tumor_voxels=tumor_voxels,
        tumor_volume_mm3=tumor_voxels * protocol.voxel_mm3,
        removed_tumor_voxels=removed_voxels,
        pancreas_voxels=pancreas_voxels,
        pancreas_volume_mm3=pancreas_voxels * protocol.voxel_mm3,
        mean_tumor_probability=mean,
        findings=(*found, *_numbered(left_out[:LEFT_OUT_SHOWN], after=len(found))),
        warnings=tuple(dict.fromkeys(warning for warning in warnings if warning)),
    )


def doubts_about(
    drawn: LABELS_ZYX,
    labels: LABELS_ZYX,
    ct: CTVolume,
    protocol: Protocol,
    *,
    at_border: bool | None = None,
    native_spacing_mm: XYZ | None = None,
) -> tuple[str, ...]:
    """Everything that stands against believing that a scan holds no tumor, the gravest first (`doubts`).

    labels: `drawn` after the component filter. The others: as in `judge`.
    """
    return doubts(
        protocol,
        pancreas_voxels=int(np.count_nonzero(labels == Label.PANCREAS)),
        tumor_voxels=int(np.count_nonzero(labels == Label.TUMOR)),
        removed_tumor_voxels=int(np.count_nonzero((drawn == Label.TUMOR) & (labels != Label.TUMOR))),
        reaches_border=reaches_border(labels, ct.hu) if at_border is None else at_border,
        unlike_training=_unlike_training(labels, ct, protocol, native_spacing_mm),
    )


def _unlike_training(labels: LABELS_ZYX, ct: CTVolume, protocol: Protocol, native_spacing_mm: XYZ | None) -> str:
    seen = protocol.training_range
    return "" if seen is None else seen.unlike(scan_traits(labels, ct.hu, native_spacing_mm))


def _numbered(regions: Sequence[Finding], *, after: int) -> Iterator[Finding]:
    """Regions that the component rule left out, behind those that count."""
    for number, region in enumerate(regions, start=after + 1):
        yield replace(region, number=number, left_out=True)


def classify(tumor_voxels: int, rule: DecisionRule, score: float | None = None) -> Outcome:
    """SUSPICIOUS when at least K voxels are tumor (section 2.3: "if at least K voxels are predicted as tumor").

    Or from a score on, where the model's rule says so. tumor_voxels: of the working grid, after the component filter.
    The paper's word is PDAC; ours is "suspicious", because only histology names a tumor.
    """
    return Outcome.SUSPICIOUS if rule.calls(tumor_voxels, score) else Outcome.NOT_SUSPICIOUS


def explain(tumor_voxels: int, rule: DecisionRule, voxel_volume_mm3: float, score: float | None = None) -> str:
    """One sentence that says what the decision rests on: volume and voxels of the working grid, or the score."""
    found = "No voxel was segmented as tumor"
    if tumor_voxels:
        found = f"{volume_and_voxels(tumor_voxels * voxel_volume_mm3, tumor_voxels)} segmented as tumor"
    if rule.min_score is not None and score is not None:
        return f"{found}, score {score:.3f}; a score of {rule.min_score:.3f} or more is called suspicious."
    needed = volume_and_voxels(rule.min_tumor_voxels * voxel_volume_mm3, rule.min_tumor_voxels)
    return f"{found}; {needed} or more are called suspicious."


def confidence_score(
    tumor_voxels: int, mean_tumor_probability: float | None, evidence: float, rule: DecisionRule, weights: ScoreWeights
) -> float:
    """One number in [0, 1] that ranks scans (section 3.3), without ties among those that have no tumor voxel.

    From K tumor voxels on the paper's weighted sum (`region_score`), which is at least a/2 there. Below, a/2 times the
    evidence, so that every scan that the rule of K calls ranks above every one that it does not (ADR 0006).

    tumor_voxels: of the working grid, after the component filter. mean_tumor_probability: over those voxels; None
    exactly when there are none. evidence: `tumor_evidence`. The score is not the probability of cancer.
    Raises ValueError when voxels and their mean do not belong together.
    """
    paper = region_score(tumor_voxels, mean_tumor_probability, rule, weights)
    return paper if tumor_voxels >= rule.min_tumor_voxels else weights.count_weight / 2 * evidence


def region_score(
    tumor_voxels: int, mean_tumor_probability: float | None, rule: DecisionRule, weights: ScoreWeights
) -> float:
    """The paper's weighted sum of tumor size and mean tumor probability (section 3.3).

    s = a n / (n + K) + (1 - a) p  for n > 0, else 0. The paper gives neither the weights nor how a voxel count comes
    to lie in [0, 1]; n / (n + K) is 1/2 exactly where its rule decides, rises always and needs no data set's maximum.
    Raises ValueError when n and p do not belong together.
    """
    if (tumor_voxels == 0) != (mean_tumor_probability is None):
        raise ValueError(f"{tumor_voxels} tumor voxels cannot have the mean probability {mean_tumor_probability}")
    if mean_tumor_probability is None:
        return 0.0
    share = tumor_voxels / (tumor_voxels + rule.min_tumor_voxels)
    return weights.count_weight * share + (1 - weights.count_weight) * mean_tumor_probability
