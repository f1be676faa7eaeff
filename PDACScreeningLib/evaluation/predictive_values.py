"""What a call is worth where the disease is rarer than in the cohort: Bayes' theorem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.evaluation.estimates import Proportion


@dataclass(frozen=True)
class Range:
    """A value, and what it is when sensitivity and specificity lie both at the low, or both at the high end."""

    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """For people: "0.059 (0.021-0.144)"."""
        return f"{self.value:.4f} ({self.low:.4f}-{self.high:.4f})"


@dataclass(frozen=True)
class PredictiveValues:
    """Share of called scans that have a tumor (ppv), of the others that have none (npv); None without such scans."""

    prevalence: float
    ppv: Range | None
    npv: Range | None


def predictive_values(
    sensitivity: Proportion, specificity: Proportion, prevalences: Sequence[float]
) -> tuple[PredictiveValues, ...]:
    """For each prevalence. Without scans of both kinds there are none."""
    of_tumors, of_others = _value_and_ends(sensitivity), _value_and_ends(specificity)
    if of_tumors is None or of_others is None:
        return ()
    pairs = list(zip(of_tumors, of_others, strict=True))
    return tuple(
        PredictiveValues(
            prevalence,
            _range([ppv(se, sp, prevalence) for se, sp in pairs]),
            _range([npv(se, sp, prevalence) for se, sp in pairs]),
        )
        for prevalence in prevalences
    )


def ppv(sensitivity: float, specificity: float, prevalence: float) -> float | None:
    """p se / (p se + (1 - p)(1 - sp)); None when nothing would be called."""
    right, wrong = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    return right / (right + wrong) if right + wrong > 0 else None


def npv(sensitivity: float, specificity: float, prevalence: float) -> float | None:
    """(1 - p) sp / ((1 - p) sp + p (1 - se)); None when everything would be called."""
    right, wrong = (1 - prevalence) * specificity, prevalence * (1 - sensitivity)
    return right / (right + wrong) if right + wrong > 0 else None


def _value_and_ends(share: Proportion) -> tuple[float, float, float] | None:
    if share.value is None or share.low is None or share.high is None:
        return None
    return share.value, share.low, share.high


def _range(values: Sequence[float | None]) -> Range | None:
    """values: at the value, the low and the high ends; None where one of them cannot be computed."""
    value, low, high = values
    return None if value is None or low is None or high is None else Range(value, low, high)
