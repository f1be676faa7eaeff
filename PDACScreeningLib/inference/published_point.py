"""The operating point that the authors of an imported model publish, beside the rule of this project."""

from __future__ import annotations

from dataclasses import replace

from PDACScreeningLib.inference.assessment import NOT_NORMAL
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.screening_result import Screening


def beside_published_point(screening: Screening) -> Screening:
    """The screening with what the published operating point says of its candidate score, in words.

    The rule of K decides what is suspicious. Where it calls nothing and the published point does, there is no honest
    "not suspicious", and the outcome is INDETERMINATE. As it is where there is no published point.
    """
    ensemble = None if screening.protocol is None else screening.protocol.ensemble
    score = screening.candidate_score
    if ensemble is None or ensemble.published_score is None or score is None:
        return screening
    calls = score >= ensemble.published_score
    says = (
        "By the operating point that the model's authors publish (candidate score of "
        f"{ensemble.published_score:.3f} or more; here {score:.3f}) the scan is {'' if calls else 'not '}called."
    )
    if calls and screening.outcome is Outcome.NOT_SUSPICIOUS:
        return replace(screening, outcome=Outcome.INDETERMINATE, reason=f"{screening.reason} {says} {NOT_NORMAL}")
    return replace(screening, warnings=(*screening.warnings, says))
