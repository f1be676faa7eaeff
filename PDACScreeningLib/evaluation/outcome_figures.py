"""What a reader is told of the scans: a scan that is not called may still not be assessable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.case_result import COMBINED, CaseResult
from PDACScreeningLib.evaluation.estimates import Proportion
from PDACScreeningLib.outcome import Outcome


@dataclass(frozen=True)
class OutcomeCounts:
    """How scans of one kind end."""

    suspicious: Proportion
    not_suspicious: Proportion
    indeterminate: Proportion


@dataclass(frozen=True)
class OutcomeFigures:
    """By the truth. with_tumor.not_suspicious: the misses that nobody is warned of."""

    with_tumor: OutcomeCounts
    without_tumor: OutcomeCounts


def outcome_of(case: CaseResult, rule: DecisionRule) -> Outcome:
    """What `screen` says of a scan. Raises ValueError where its reading does not know what stands against it."""
    if case.doubt is None:
        raise ValueError(f"the reading of {case.case_id} was made by an earlier version")
    row = case.rows[COMBINED]
    if rule.calls(row.tumor_voxels, row.score):
        return Outcome.SUSPICIOUS
    return Outcome.INDETERMINATE if case.doubt else Outcome.NOT_SUSPICIOUS


def outcome_figures(cases: Sequence[CaseResult], rule: DecisionRule) -> OutcomeFigures | None:
    """Counts of all outcomes; None when a reading does not know what stands against it."""
    if any(case.doubt is None for case in cases):
        return None
    with_tumor = _counts([outcome_of(case, rule) for case in cases if case.has_tumor])
    return OutcomeFigures(with_tumor, _counts([outcome_of(case, rule) for case in cases if not case.has_tumor]))


def _counts(outcomes: Sequence[Outcome]) -> OutcomeCounts:
    ends = (Outcome.SUSPICIOUS, Outcome.NOT_SUSPICIOUS, Outcome.INDETERMINATE)
    return OutcomeCounts(*(Proportion.of(outcomes.count(end), len(outcomes)) for end in ends))
