"""Several models on the same cases, side by side, with paired differences: the table that a comparison rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap, percentile_interval
from PDACScreeningLib.evaluation.case_result import COMBINED, CaseResult
from PDACScreeningLib.evaluation.estimates import Estimate, Mean, Proportion
from PDACScreeningLib.evaluation.roc import area, area_samples
from PDACScreeningLib.evaluation.rule_figures import rule_figures

FORMAT_VERSION = 1
_Samples = NDArray[np.float64]


@dataclass(frozen=True)
class ModelReadings:
    """All readings of one model (of all folds of one, where it has a split), with the rule on the cases' grid."""

    name: str
    engine: str
    weights_sha256: str
    rule: DecisionRule
    cases: tuple[CaseResult, ...]


@dataclass(frozen=True)
class PairedCalls:
    """Scans of one kind that two models call differently. p: exact McNemar test; None where they never differ."""

    only_first: int
    only_this: int
    p: float | None


@dataclass(frozen=True)
class Differences:
    """This model minus the first, on the same cases, with 95 % intervals by bootstrap over patients, drawn together."""

    sensitivity: Estimate
    specificity: Estimate
    auc: Estimate
    tumor_dice: Estimate
    pancreas_dice: Estimate
    calls_with_tumor: PairedCalls
    calls_without: PairedCalls


@dataclass(frozen=True)
class ComparedModel:
    """One row. Coefficients over scans with a tumor; the rule is the model's own. differences: None for the first."""

    name: str
    engine: str
    weights_sha256: str
    rule: DecisionRule
    sensitivity: Proportion
    overlapping: Proportion
    specificity: Proportion
    auc: Estimate
    tumor_dice: Mean
    pancreas_dice: Mean
    differences: Differences | None


@dataclass(frozen=True)
class Comparison:
    """The content of `comparison.json`."""

    models: tuple[ComparedModel, ...]
    cases: int
    patients: int
    bootstrap_samples: int
    format_version: int = FORMAT_VERSION


def comparison(readings: Sequence[ModelReadings], bootstrap: PatientBootstrap) -> Comparison:
    """Figures of each model, and its differences from the first. Raises ValueError unless all read the same cases."""
    first, *others = [_in_order(one) for one in readings]
    for other in others:
        if [case.case_id for case in other.cases] != [case.case_id for case in first.cases]:
            raise ValueError(f"{first.name} and {other.name} read different cases: they cannot be compared")
    rows = [_row(first, bootstrap, None), *(_row(other, bootstrap, first) for other in others)]
    patients = len({case.patient_id for case in first.cases})
    return Comparison(_named_apart(rows), len(first.cases), patients, bootstrap.samples)


def _in_order(readings: ModelReadings) -> ModelReadings:
    cases = tuple(sorted(readings.cases, key=lambda case: case.case_id))
    if len({case.case_id for case in cases}) < len(cases):
        raise ValueError(f"{readings.name} read a case more than once: paired differences need one reading of each")
    return ModelReadings(readings.name, readings.engine, readings.weights_sha256, readings.rule, cases)


def _named_apart(rows: Sequence[ComparedModel]) -> tuple[ComparedModel, ...]:
    """Two models may call themselves the same: the second is "name (2)"."""
    seen: dict[str, int] = {}
    named = []
    for row in rows:
        seen[row.name] = seen.get(row.name, 0) + 1
        name = row.name if seen[row.name] == 1 else f"{row.name} ({seen[row.name]})"
        named.append(ComparedModel(**{**vars(row), "name": name}))
    return tuple(named)


def _row(readings: ModelReadings, bootstrap: PatientBootstrap, first: ModelReadings | None) -> ComparedModel:
    figures = rule_figures(readings.cases, readings.rule)
    with_tumor = [case.rows[COMBINED] for case in readings.cases if case.has_tumor]
    return ComparedModel(
        name=readings.name,
        engine=readings.engine,
        weights_sha256=readings.weights_sha256,
        rule=readings.rule,
        sensitivity=figures.sensitivity,
        overlapping=figures.overlapping,
        specificity=figures.specificity,
        auc=area(readings.cases, COMBINED, bootstrap),
        tumor_dice=Mean.of(row.tumor.dice for row in with_tumor),
        pancreas_dice=Mean.of(row.pancreas.dice for row in with_tumor),
        differences=None if first is None else _differences(readings, first, bootstrap),
    )


def _differences(this: ModelReadings, first: ModelReadings, bootstrap: PatientBootstrap) -> Differences:
    has_tumor = np.array([case.has_tumor for case in first.cases], bool)
    drawn = bootstrap.multiplicities(first.cases)
    called, called_first = _called(this), _called(first)
    change = called.astype(float) - called_first.astype(float)
    return Differences(
        sensitivity=_mean_difference(change, has_tumor, has_tumor, drawn),
        specificity=_mean_difference(-change, ~has_tumor, has_tumor, drawn),
        auc=_area_difference(this, first, bootstrap),
        tumor_dice=_dice_difference(this, first, drawn, has_tumor, lambda case: case.rows[COMBINED].tumor.dice),
        pancreas_dice=_dice_difference(this, first, drawn, has_tumor, lambda case: case.rows[COMBINED].pancreas.dice),
        calls_with_tumor=_paired(called_first[has_tumor], called[has_tumor]),
        calls_without=_paired(called_first[~has_tumor], called[~has_tumor]),
    )


def _called(readings: ModelReadings) -> NDArray[np.bool_]:
    rows = [case.rows[COMBINED] for case in readings.cases]
    return np.array([readings.rule.calls(row.tumor_voxels, row.score) for row in rows], bool)


def _mean_difference(
    change: _Samples, among: NDArray[np.bool_], has_tumor: NDArray[np.bool_], drawn: NDArray[np.int64]
) -> Estimate:
    """Mean of paired changes among some readings, and its interval; a sample that has none of them is left out."""
    with_tumor, without = int((among & has_tumor).sum()), int((among & ~has_tumor).sum())
    if not among.any():
        return Estimate(None, None, None, with_tumor, without)
    weights = drawn[:, among].astype(float)
    total = weights.sum(axis=1)
    interval = percentile_interval((weights @ change[among])[total > 0] / total[total > 0])
    return Estimate(float(change[among].mean()), interval.low, interval.high, with_tumor, without)


def _area_difference(this: ModelReadings, first: ModelReadings, bootstrap: PatientBootstrap) -> Estimate:
    own, other = area(this.cases, COMBINED, bootstrap), area(first.cases, COMBINED, bootstrap)
    if own.value is None or other.value is None:
        return Estimate(None, None, None, own.with_tumor, own.without_tumor)
    samples = area_samples(this.cases, COMBINED, bootstrap) - area_samples(first.cases, COMBINED, bootstrap)
    interval = percentile_interval(samples)
    return Estimate(own.value - other.value, interval.low, interval.high, own.with_tumor, own.without_tumor)


def _dice_difference(
    this: ModelReadings,
    first: ModelReadings,
    drawn: NDArray[np.int64],
    has_tumor: NDArray[np.bool_],
    dice: Callable[[CaseResult], float | None],
) -> Estimate:
    pairs = [(dice(own), dice(other)) for own, other in zip(this.cases, first.cases, strict=True)]
    there = np.array([own is not None and other is not None for own, other in pairs], bool) & has_tumor
    change = np.array([(own or 0.0) - (other or 0.0) for own, other in pairs])
    return _mean_difference(change, there, has_tumor, drawn)


def _paired(first: NDArray[np.bool_], this: NDArray[np.bool_]) -> PairedCalls:
    only_first, only_this = int((first & ~this).sum()), int((this & ~first).sum())
    differ = only_first + only_this
    return PairedCalls(only_first, only_this, float(stats.binomtest(only_first, differ).pvalue) if differ else None)
