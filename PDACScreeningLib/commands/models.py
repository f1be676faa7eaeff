"""`pdac-screening models`: the installed models, and what each one rests on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from PDACScreeningLib.network.model_description import ModelDescription
from PDACScreeningLib.network.model_list import ListedModel, installed_models
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.quantity_words import rule_words
from PDACScreeningLib.terminal.arguments import add_json, describe
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE, FAILED
from PDACScreeningLib.terminal.interruption import Interruption


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `models`."""
    describe(
        parser,
        run_models,
        description="Lists the installed models, what they were trained on and how well they are known to work.\n"
        "A model whose files were damaged or edited is listed with the reason, and the exit code is 5.",
        examples=("pdac-screening models", "pdac-screening models --json"),
    )
    add_json(parser)


def run_models(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Print the installed models. Returns 0, or 5 when one of them is damaged."""
    models = installed_models()
    plain = {"models": models_as_data(models)}
    display.result(json.dumps(plain, indent=2) if arguments.json else models_text(models), plain)
    return FAILED if any(not model.is_usable for model in models) else DONE


def models_as_data(models: Sequence[ListedModel]) -> list[dict[str, object]]:
    """Models as JSON: name, description, and the error of a damaged one."""
    return [{"name": model.wish, "description": to_plain(model.description), "error": model.error} for model in models]


def models_text(models: Sequence[ListedModel]) -> str:
    """The models as a person reads about them."""
    if not models:
        return "No model is installed. Give a model folder with: pdac-screening screen ... --model DIR"
    return "\n\n".join(_text(model) for model in models)


def _text(model: ListedModel) -> str:
    """A heading and indented lines; what is not known is said to be unknown."""
    if model.description is None:
        return f"{model.wish}\n  damaged:     {model.error}"
    lines = {
        "notice": model.description.notice or "none",
        "trained on": model.description.trained_on,
        "performance": model.description.performance or "unknown",
        **_networks(model.description),
        "weights": f"sha256 {model.description.weights_sha256[:16]}...",
    }
    return "\n".join([model.wish, *(f"  {name + ':':<13}{text}" for name, text in lines.items())])


def _networks(description: ModelDescription) -> dict[str, str]:
    """What answers, and from what on it calls."""
    config, nnunet = description.config, description.nnunet
    if nnunet is not None:
        folds, steps = (
            ", ".join(fold.name for fold in nnunet.fine.folds),
            "one step" if nnunet.coarse is None else "two steps",
        )
        spacing = " x ".join(f"{mm:.4g}" for mm in nnunet.fine.spacing_mm_xyz)
        return {
            "networks": f"nnU-Net, folds {folds}, {steps}, {nnunet.parameters / 1e6:.1f} million parameters",
            "calls at": f"{rule_words(config.decision, nnunet.fine.voxel_mm3)} of its grid of {spacing} mm or more",
            "source": nnunet.source,
            "license": nnunet.license.splitlines()[0],
        }
    spacing_mm = config.working_spacing_mm
    grid = "the scan's own voxels" if spacing_mm is None else f"{spacing_mm:g} mm voxels"
    windows = ", ".join(f"{scale.patch_size}^3" for scale in config.scales)
    return {
        "networks": f"{windows}, {config.network.base_width} channels, on {grid}",
        "calls at": f"{rule_words(config.decision)} or more",
    }
