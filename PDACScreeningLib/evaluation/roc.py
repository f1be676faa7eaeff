"""The ROC curve of the score (section 3.3), the area under it, and thresholds for a wanted sensitivity or specificity.

"Sorting all cases according to their confident scores obtains a ROC curve of sensitivity and specificity. We can also
tune the classification threshold to change the tradeoff between sensitivity and specificity."
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap, percentile_interval
from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import Estimate, Proportion
from PDACScreeningLib.evaluation.optional_packages import load


@dataclass(frozen=True)
class RocPoint:
    """All scans that score at least the threshold are called. threshold None: no scan is called."""

    threshold: float | None
    sensitivity: float
    specificity: float


@dataclass(frozen=True)
class RocCurve:
    """From "no scan is called" to "all are". fold None: the readings of all folds together."""

    fold: int | None
    auc: Estimate
    points: tuple[RocPoint, ...]


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold of the score gives; chosen on the very readings it is measured on, hence optimistic."""

    wanted: Literal["sensitivity", "specificity"]
    at_least: float
    threshold: float | None  # None: no scan is called
    sensitivity: Proportion
    specificity: Proportion


def area(cases: Sequence[CaseResult], name: str, bootstrap: PatientBootstrap) -> Estimate:
    """Probability that a scan with a tumor scores higher than one without, ties counted half, of one row of Table 1."""
    has_tumor = np.array([case.has_tumor for case in cases], bool)
    scores = np.array([case.rows[name].score for case in cases])
    positive, negative = int(has_tumor.sum()), int((~has_tumor).sum())
    if not positive or not negative:
        return Estimate(None, None, None, positive, negative)
    value = float(load("sklearn.metrics").roc_auc_score(has_tumor, scores))
    interval = percentile_interval(area_samples(cases, name, bootstrap))
    return Estimate(value, interval.low, interval.high, positive, negative)


def area_samples(cases: Sequence[CaseResult], name: str, bootstrap: PatientBootstrap) -> NDArray[np.float64]:
    """(samples,) the area of each bootstrap sample: the same patients for the same cases, whoever read them."""
    has_tumor = np.array([case.has_tumor for case in cases], bool)
    scores = np.array([case.rows[name].score for case in cases])
    return _areas(scores[has_tumor], scores[~has_tumor], *_split(bootstrap.multiplicities(cases), has_tumor))


def roc_curves(cases: Sequence[CaseResult], name: str, bootstrap: PatientBootstrap) -> tuple[RocCurve, ...]:
    """Pooled over all readings, then one for each fold where there are folds."""
    folds = sorted({case.fold for case in cases if case.fold is not None})
    curves = [RocCurve(None, area(cases, name, bootstrap), _points(cases, name))]
    for fold in folds:
        own = [case for case in cases if case.fold == fold]
        curves.append(RocCurve(fold, area(own, name, bootstrap), _points(own, name)))
    return tuple(curves)


def operating_points(
    cases: Sequence[CaseResult], name: str, sensitivities: Sequence[float], specificities: Sequence[float]
) -> tuple[OperatingPoint, ...]:
    """For each wanted sensitivity the most specific threshold that reaches it, and the reverse."""
    points = _points(cases, name)
    found = [
        _operating_point("sensitivity", wanted, next(p for p in points if p.sensitivity >= wanted), cases, name)
        for wanted in (sensitivities if points else ())
    ]
    found += [
        _operating_point("specificity", wanted, [p for p in points if p.specificity >= wanted][-1], cases, name)
        for wanted in (specificities if points else ())
    ]
    return tuple(found)


def _points(cases: Sequence[CaseResult], name: str) -> tuple[RocPoint, ...]:
    """Thresholds from high to low, of which each is a score that occurs; () unless there are scans of both kinds."""
    has_tumor = [case.has_tumor for case in cases]
    if all(has_tumor) or not any(has_tumor):
        return ()
    scores = [case.rows[name].score for case in cases]
    false_positive, true_positive, thresholds = load("sklearn.metrics").roc_curve(
        has_tumor, scores, drop_intermediate=False
    )
    return tuple(
        RocPoint(float(threshold) if np.isfinite(threshold) else None, float(hit), 1 - float(alarm))
        for alarm, hit, threshold in zip(false_positive, true_positive, thresholds, strict=True)
    )


def _operating_point(
    wanted: Literal["sensitivity", "specificity"],
    at_least: float,
    point: RocPoint,
    cases: Sequence[CaseResult],
    name: str,
) -> OperatingPoint:
    threshold = np.inf if point.threshold is None else point.threshold
    called = {kind: [case.rows[name].score >= threshold for case in cases if case.has_tumor == kind] for kind in (0, 1)}
    return OperatingPoint(
        wanted,
        at_least,
        point.threshold,
        Proportion.of(sum(called[1]), len(called[1])),
        Proportion.of(len(called[0]) - sum(called[0]), len(called[0])),
    )


def _split(
    multiplicities: NDArray[np.int64], has_tumor: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return multiplicities[:, has_tumor].astype(float), multiplicities[:, ~has_tumor].astype(float)


def _areas(
    positive: NDArray[np.float64],
    negative: NDArray[np.float64],
    positive_weights: NDArray[np.float64],
    negative_weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(samples,) area of each bootstrap sample: the share of pairs that are ranked rightly, weighted.

    positive, negative: scores with and without a tumor; the weights are (samples, scores). A sample that lacks one
    kind, which only a patient with readings of both kinds can cause, is left out.
    """
    rightly = (positive[:, np.newaxis] > negative) + 0.5 * (positive[:, np.newaxis] == negative)
    right = ((positive_weights @ rightly) * negative_weights).sum(axis=1)
    pairs = positive_weights.sum(axis=1) * negative_weights.sum(axis=1)
    areas: NDArray[np.float64] = right[pairs > 0] / pairs[pairs > 0]
    return areas
