"""What a model rests on, in a sentence or two, for lists of models."""

from __future__ import annotations

from PDACScreeningLib.screening_result import ModelFacts


def model_card(facts: ModelFacts) -> str:
    """Notice, training and measured figures of a model."""
    return _card(facts, facts.performance.rstrip(". ") or "unknown")


def model_summary(facts: ModelFacts) -> str:
    """The card without its figures, for a narrow panel: they stand in the tool tip and with every result."""
    return _card(facts, "hold the pointer here" if facts.performance else "unknown")


def _card(facts: ModelFacts, performance: str) -> str:
    notice, trained_on = facts.notice.rstrip(". "), facts.trained_on.rstrip(". ")
    parts = [
        f"{notice[0].upper()}{notice[1:]}." if notice else "",
        f"Trained on {trained_on}." if trained_on else "",
        f"Measured performance: {performance}.",
    ]
    return " ".join(part for part in parts if part)
