"""The operating point that the authors of an imported model publish, beside the rule of this project."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PDACScreeningLib.inference.assessment import NOT_NORMAL
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.screening_result import Screening


def beside_published_point(screening: Screening) -> Screening:
    """The screening with what the published operating point says of its candidate score, in words.

    The rule of K decides what is suspicious. Where it calls nothing and the published point does, there is no honest
    "not suspicious", and the outcome is INDETERMINATE. As it is where there is no published point.
    """
    point = published_point(screening.candidate_score, screening.protocol)
    if point is None:
        return screening
    if point.calls and screening.outcome is Outcome.NOT_SUSPICIOUS:
        return replace(screening, outcome=Outcome.INDETERMINATE, reason=f"{screening.reason} {point.says} {NOT_NORMAL}")
    return replace(screening, warnings=(*screening.warnings, point.says))


@dataclass(frozen=True)
class PublishedPoint:
    """Whether the published operating point calls a scan, and the sentence that says so."""

    calls: bool
    says: str


def published_point(score: float | None, protocol: Protocol | None) -> PublishedPoint | None:
    """What the point that the model's authors publish says of a candidate score; None where there is no such point."""
    ensemble = None if protocol is None else protocol.ensemble
    if ensemble is None or ensemble.published_score is None or score is None:
        return None
    calls = score >= ensemble.published_score
    says = (
        "By the operating point that the model's authors publish (candidate score of "
        f"{ensemble.published_score:.3f} or more; here {score:.3f}) the scan is "
        f"{'' if calls else 'not '}called."
    )
    return PublishedPoint(calls, says)
