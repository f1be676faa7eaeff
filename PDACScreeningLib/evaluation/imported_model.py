"""An imported nnU-Net described anew: with the rule that its user chose, and the figures that its user measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.engines.loading import network_names
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
from PDACScreeningLib.errors import ModelError, UsageError
from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.evaluation.performance import WantedRule, chosen_rule, measured_performance
from PDACScreeningLib.network.model_description import ModelDescription


@dataclass(frozen=True)
class Measured:
    """An experiment that read with the model, and the SHA-256 of its file."""

    found: Experiment
    sha256: str


def with_rule(description: ModelDescription, wanted: WantedRule | None, measured: Measured | None) -> ModelDescription:
    """The description with a wanted rule and with what was measured of it; K stays a number on the model's own grid.

    Raises ModelError when the experiment does not belong to the model or reaches no such point, UsageError for a K
    that was not measured.
    """
    own = description.config.decision
    if wanted is not None and wanted.kind == "k" and measured is not None and wanted.value != own.min_tumor_voxels:
        raise UsageError(f"the experiment counted from K = {own.min_tumor_voxels} on: publish with the new K, evaluate")
    cases = () if measured is None else measured.found.cases
    decision = own if wanted is None else chosen_rule(wanted, own, cases)
    description = replace(description, config=replace(description.config, decision=decision))
    return description if measured is None else _with_figures(description, wanted, measured)


def _with_figures(description: ModelDescription, wanted: WantedRule | None, measured: Measured) -> ModelDescription:
    found = measured.found
    _require_whole(description, found)
    rule: DecisionRule = replace(found.setting.decision, min_score=description.config.decision.min_score)
    chosen_for = wanted.text if wanted is not None and wanted.needs_cases else ""
    figures = measured_performance(found, description.weights_sha256, measured.sha256, rule, chosen_for=chosen_for)
    return replace(description, measured=figures, performance=figures.sentence(is_demo=description.is_demo))


def _require_whole(description: ModelDescription, found: Experiment) -> None:
    """Raise ModelError unless all folds answered with the views that they were trained for, as they do by default."""
    model = description.nnunet
    own = network_names(description, EnsembleOptions())
    mirrored = "--no-mirroring" not in found.setting.command.split()
    if found.setting.row_names[: len(own)] != own or (model is not None and model.fine.mirror_axes and not mirrored):
        raise ModelError(
            "the experiment read with some folds only, or without mirrored views, and its figures say nothing of all "
            "of them: evaluate without --folds and --no-mirroring"
        )
