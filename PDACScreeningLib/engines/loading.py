"""The engine of a model folder: the one place that knows which one it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.engines.nnunet import NnunetEngine
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions, chosen_folds
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.inference.engine import CoarseToFine, Engine
from PDACScreeningLib.network.model_description import ModelDescription, read_description
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.nnunet_weights import require_weights
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.window_predictor import full_precision, window_predictors


@dataclass(frozen=True)
class LoadedEngine:
    """An engine on its device, what its model says of itself, and what it did because memory did not suffice."""

    engine: Engine
    description: ModelDescription
    memory_steps: Callable[[], tuple[str, ...]]


def load_engine(folder: Path, runtime: Runtime, options: EnsembleOptions | None = None) -> LoadedEngine:
    """Load a model. Raises ModelError when it is damaged, UsageError when it has no folds such as `options` name."""
    description = read_description(folder)
    wanted = options or EnsembleOptions()
    if description.nnunet is not None:
        require_weights(folder, description.nnunet)
        steps: list[str] = []
        engine = NnunetEngine(folder, description.nnunet, description.config, runtime, wanted, steps)
        return LoadedEngine(engine, description, lambda: tuple(steps))
    if wanted != EnsembleOptions():
        raise UsageError(f"{description.name} has the networks of the paper: there are no folds to choose or to mirror")
    return _of_paper(folder, runtime)


def network_names(description: ModelDescription, options: EnsembleOptions) -> tuple[str, ...]:
    """As `Engine.network_names`, without loading anything. Raises UsageError for folds that the model lacks."""
    if description.nnunet is not None:
        return tuple(f"fold {fold.name}" for fold in chosen_folds(description.nnunet.fine, options.folds))
    return tuple(f"{scale.patch_size}^3" for scale in description.config.scales)


def _of_paper(folder: Path, runtime: Runtime) -> LoadedEngine:
    model = load_model(folder)
    predictors = window_predictors(model, runtime)
    again = None if runtime.precision == "fp32" else lambda: full_precision(model, runtime)
    return LoadedEngine(
        CoarseToFine(predictors, model.config, again, model.description.training_range),
        model.description,
        lambda: tuple(step for predictor in predictors.values() for step in predictor.memory_steps),
    )
