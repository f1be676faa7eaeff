"""Which model answered, and what it rests on: part of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from PDACScreeningLib.meaning import SHA256_OR_NOTHING, Meaning


@dataclass(frozen=True)
class ModelFacts:
    """Which model answered, and what it rests on."""

    name: Annotated[str, Meaning("Name of the model.")]
    trained_on: Annotated[str, Meaning("What it was trained on, in one sentence.")]
    notice: Annotated[
        str,
        Meaning(
            'A sentence every output carries, e.g. "demo model, trained on synthetic phantoms only"; empty when there '
            "is none."
        ),
    ]
    is_demo: Annotated[bool, Meaning("Whether this is a demonstration model that says nothing about patients.")]
    weights_sha256: Annotated[str, Meaning("SHA-256 of weights.safetensors.", pattern=SHA256_OR_NOTHING)]
    chosen_because: Annotated[str, Meaning("How this model came to be used.")]
    performance: Annotated[
        str, Meaning("Measured figures and what they were measured on, in one sentence; empty when unknown.")
    ] = ""
    scores_with: Annotated[
        tuple[float, ...],
        Meaning(
            "Scores of the scans with a tumor that the model was measured on, smallest first: the rank of a score "
            "among them says more than the score. Empty when they were not kept.",
            minimum=0,
            maximum=1,
        ),
    ] = ()
    scores_without: Annotated[
        tuple[float, ...], Meaning("Scores of the scans without a tumor, likewise.", minimum=0, maximum=1)
    ] = ()
