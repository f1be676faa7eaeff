"""What a call is worth where the disease is rarer than in the cohort: Bayes' theorem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """Of a called scan to be right (ppv) and of a scan not called to be right (npv); None where nothing is called."""

    prevalence: float
    ppv: Range | None
    npv: Range | None


def predictive_values(
    sensitivity: Proportion, specificity: Proportion, prevalences: Sequence[float]
) -> tuple[PredictiveValues, ...]:
    """For each prevalence. Without scans of both kinds there are none."""
    if not sensitivity.total or not specificity.total:
        return ()
    return tuple(
        PredictiveValues(
            prevalence,
            _range(ppv, sensitivity, specificity, prevalence),
            _range(npv, sensitivity, specificity, prevalence),
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


def _range(
    of: Callable[[float, float, float], float | None],
    sensitivity: Proportion,
    specificity: Proportion,
    prevalence: float,
) -> Range | None:
    ends = ((p.value, p.low, p.high) for p in (sensitivity, specificity))
    values = [of(se or 0.0, sp or 0.0, prevalence) for se, sp in zip(*ends, strict=True)]
    value, low, high = values
    return None if value is None or low is None or high is None else Range(value, low, high)
