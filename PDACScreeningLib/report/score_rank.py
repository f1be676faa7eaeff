"""Where a score lies among those of the scans the model was measured on: a number alone is read as a probability."""

from __future__ import annotations

from PDACScreeningLib.screening_result import Screening


def score_rank(screening: Screening) -> str:
    """Higher than 27 of 30 scans without and 12 of 30 with a tumor that the model was measured on.

    Equal scores are not below it. Empty without a score, and where the model does not tell the scores of its scans.
    """
    model, score = screening.model, screening.score
    if model is None or score is None or not (model.scores_with and model.scores_without):
        return ""
    without, with_tumor = (
        f"{sum(other < score for other in scores)} of {len(scores)}"
        for scores in (model.scores_without, model.scores_with)
    )
    return f"Higher than {without} scans without and {with_tumor} with a tumor that the model was measured on."
