"""From an experiment to what a model says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.evaluation.case_result import COMBINED, CaseResult
from PDACScreeningLib.evaluation.estimates import Proportion
from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.evaluation.roc import operating_points
from PDACScreeningLib.evaluation.rule_figures import rule_figures
from PDACScreeningLib.network.measured_performance import MeasuredPerformance, MeasuredShare

_DIGITS = 4  # of a score that others are ranked by


def measured_performance(
    found: Experiment,
    weights_sha256: str,
    experiment_sha256: str,
    rule: DecisionRule | None = None,
    *,
    chosen_for: str = "",
) -> MeasuredPerformance:
    """The figures of all networks together for the model with these weights, under a rule; None: the one measured.

    Raises ModelError when the experiment measured other weights, unless it is a cross-validation, whose models stand
    for one trained in the same way, and when a model read the very cases it was trained on.
    """
    if any(model.trained_on_others is False for model in found.setting.models):
        raise ModelError(
            "the experiment read the very cases its model was trained on, so its figures say nothing of others; "
            "evaluate the model on cases it has not seen"
        )
    these_weights = {model.weights_sha256 for model in found.setting.models} == {weights_sha256}
    if not these_weights and found.setting.data.folds < 2:
        raise ModelError(
            f"the experiment measured the weights {found.setting.models[0].weights_sha256[:16]}..., this model has "
            f"{weights_sha256[:16]}...; evaluate this model"
        )
    row, figures = found.combined, rule_figures(found.cases, rule or found.setting.decision)
    return MeasuredPerformance(
        source=found.setting.data.source,
        is_synthetic=found.setting.data.is_synthetic,
        cases_sha256=found.setting.data.sha256,
        patients=found.counts.patients,
        folds=found.setting.data.folds,
        these_weights=these_weights,
        min_tumor_voxels=figures.rule.min_tumor_voxels,
        min_score=figures.rule.min_score,
        sensitivity=_share(figures.sensitivity),
        overlapping=_share(figures.overlapping),
        specificity=_share(figures.specificity),
        chosen_for=chosen_for,
        auc=row.auc.value,
        auc_low=row.auc.low,
        auc_high=row.auc.high,
        experiment_sha256=experiment_sha256,
        trained_on_others=None if any(m.trained_on_others is None for m in found.setting.models) else True,
        every_fold=found.setting.data.folds > 1 and found.setting.statistics.normals == "every-fold",
        protocol=found.setting.reading.protocol,
        scores_with=_scores(found.cases, has_tumor=True),
        scores_without=_scores(found.cases, has_tumor=False),
    )


def _scores(cases: Sequence[CaseResult], *, has_tumor: bool) -> tuple[float, ...]:
    """What a score is compared with, smallest first."""
    return tuple(sorted(round(case.rows[COMBINED].score, _DIGITS) for case in cases if case.has_tumor == has_tumor))


WantedKind = Literal["k", "score", "sensitivity", "specificity"]


@dataclass(frozen=True)
class WantedRule:
    """What `publish --rule` asks for. kind: k, score, sensitivity or specificity."""

    kind: WantedKind
    value: float

    def __post_init__(self) -> None:
        if self.kind == "k" and not (self.value >= 1 and self.value == int(self.value)):
            raise ValueError(f"k must be a whole number from 1, got {self.value:g}")
        if self.kind != "k" and not 0 < self.value <= 1:
            raise ValueError(f"{self.kind} must lie in (0, 1], got {self.value:g}")

    @property
    def needs_cases(self) -> bool:
        """Whether only an experiment can answer it."""
        return self.kind in ("sensitivity", "specificity")

    @property
    def text(self) -> str:
        """As it was typed."""
        return f"{self.kind}={self.value:g}"


def chosen_rule(wanted: WantedRule, measured_with: DecisionRule, cases: Sequence[CaseResult]) -> DecisionRule:
    """The rule that was asked for. measured_with: of the readings; its K is what their scores were made with.

    A wanted sensitivity takes the most specific threshold of the score that reaches it on the cases, and the reverse.
    Raises ModelError when no threshold of the cases does.
    """
    if wanted.kind == "k":
        return DecisionRule(min_tumor_voxels=int(wanted.value))
    if wanted.kind == "score":
        return replace(measured_with, min_score=wanted.value)
    sensitivities = (wanted.value,) if wanted.kind == "sensitivity" else ()
    specificities = (wanted.value,) if wanted.kind == "specificity" else ()
    points = operating_points(cases, COMBINED, sensitivities, specificities)
    threshold = points[0].threshold if points else None
    if threshold is None or threshold <= 0:
        raise ModelError(f"no threshold of the score reaches a {wanted.text} on the cases of the experiment")
    return replace(measured_with, min_score=threshold)


def _share(proportion: Proportion) -> MeasuredShare:
    return MeasuredShare(proportion.count, proportion.total, proportion.low, proportion.high)
