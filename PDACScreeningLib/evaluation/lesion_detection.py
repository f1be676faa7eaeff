"""Tumors found one by one, by the package picai_eval: average precision and FROC, as in the PANORAMA challenge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.evaluation.optional_packages import load
from PDACScreeningLib.inference.judgment import region_score
from PDACScreeningLib.volume.box import bounding_box

_TOUCHING = np.ones((3, 3, 3))  # picai_eval takes voxels that share a corner as one region


@dataclass(frozen=True)
class LesionCandidate:
    """A tumor of the truth or a region that was found, or both.

    is_tumor: in the truth. confidence: 0 for a tumor that was not found. overlap: intersection over union, 0 without.
    """

    is_tumor: bool
    confidence: float
    overlap: float


@dataclass(frozen=True)
class FrocPoint:
    """All regions of at least this confidence: share of the tumors found, and false alarms a scan."""

    confidence: float
    sensitivity: float
    false_alarms_per_scan: float


@dataclass(frozen=True)
class Detection:
    """Tumors found one by one, from the most confident region to all of them; no points without a tumor."""

    froc: tuple[FrocPoint, ...]
    tumors: int
    scans: int


def candidates(
    found: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    tumor_probability: NDArray[np.float32],
    config: ScreeningConfig,
    *,
    min_overlap: float,
) -> tuple[LesionCandidate, ...]:
    """Match the regions found with the tumors of the truth, one to one, most overlap first.

    found, truth, tumor_probability: (z, y, x). The confidence of a region is the paper's score of that region alone.
    Neither found nor true gives ().
    """
    box = bounding_box(found | truth)
    if box is None:
        return ()
    confidence = _confidence_map(found[box.slices], tumor_probability[box.slices], config)
    matched, *_ = load("picai_eval.eval").evaluate_case(
        confidence, truth[box.slices].astype(np.int32), min_overlap=min_overlap
    )
    return tuple(LesionCandidate(bool(is_tumor), float(score), float(overlap)) for is_tumor, score, overlap in matched)


def detection(scans: Sequence[tuple[LesionCandidate, ...]]) -> Detection:
    """FROC over scans. No scans give no points."""
    tumors = sum(candidate.is_tumor for scan in scans for candidate in scan)
    if not scans or tumors == 0:
        return Detection((), tumors, len(scans))
    metrics = lesion_metrics(scans)
    counts = metrics.calculate_counts()
    points = [
        FrocPoint(float(threshold), float(hits) / tumors, float(alarms) / len(scans))
        for threshold, hits, alarms in zip(metrics.thresholds, counts["TP"], counts["FP"], strict=False)
        if threshold > 0  # where nothing was found, picai_eval gives two counts and the one threshold 0
    ]
    return Detection(tuple(points), tumors, len(scans))


def lesion_metrics(scans: Sequence[tuple[LesionCandidate, ...]]) -> Any:
    """picai_eval's Metrics of scans numbered from 0.

    It takes the lowest confidence for that of tumors not found, whether there are such or not. A region of confidence
    0 that is no tumor makes sure of it, and changes neither precision nor recall above 0.
    """
    results = {
        number: [(int(candidate.is_tumor), candidate.confidence, candidate.overlap) for candidate in scan]
        for number, scan in enumerate(scans)
    }
    results[0] = [*results[0], (0, 0.0, 0.0)]
    return load("picai_eval.metrics").Metrics(results)


def _confidence_map(
    found: NDArray[np.bool_], tumor_probability: NDArray[np.float32], config: ScreeningConfig
) -> NDArray[np.float32]:
    """(z, y, x): each region filled with its score, 0 elsewhere."""
    regions, count = ndimage.label(found, structure=_TOUCHING)
    scores = np.zeros(count + 1, np.float32)
    for number in range(1, count + 1):
        inside = tumor_probability[regions == number]
        scores[number] = region_score(
            int(inside.size), float(inside.mean(dtype=np.float64)), config.decision, config.score
        )
    filled: NDArray[np.float32] = scores[regions]
    return filled
