"""`pdac-screening models`: the installed models, and what each one rests on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.commands.guard import DONE, FAILED
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.plain_data import to_plain

if TYPE_CHECKING:
    from PDACScreeningLib.network.model_description import ModelDescription


@dataclass(frozen=True)
class InstalledModel:
    """A model folder that comes with the project. A damaged one has an error and no description."""

    name: str
    description: ModelDescription | None
    error: str = ""


def run_models(display: Display, *, as_json: bool) -> int:
    """Print the installed models. Returns 0, or 5 when one of them is damaged."""
    models = installed_models()
    plain = {"models": to_plain(models)}
    display.result(json.dumps(plain, indent=2) if as_json else models_text(models), plain)
    return FAILED if any(model.error for model in models) else DONE


def installed_models() -> list[InstalledModel]:
    """The models that come with the project, by name."""
    from PDACScreeningLib.network.model_description import available_models

    return [_installed(folder) for folder in available_models()]


def models_text(models: list[InstalledModel]) -> str:
    """The models as a person reads about them."""
    if not models:
        return "No model is installed. Give a model folder with: pdac-screening screen ... --model DIR"
    return "\n\n".join(_text(model) for model in models)


def _installed(folder: Path) -> InstalledModel:
    from PDACScreeningLib.network.model_description import read_description

    try:
        return InstalledModel(folder.name, read_description(folder))
    except ModelError as error:
        return InstalledModel(folder.name, None, str(error))


def _text(model: InstalledModel) -> str:
    """A heading and indented lines; what is not known is said to be unknown."""
    if model.description is None:
        return f"{model.name}\n  damaged:     {model.error}"
    config = model.description.config
    spacing = config.working_spacing_mm
    grid = "the scan's own voxels" if spacing is None else f"{spacing:g} mm voxels"
    windows = ", ".join(f"{scale.patch_size}^3" for scale in config.scales)
    lines = {
        "notice": model.description.notice or "none",
        "trained on": model.description.trained_on,
        "performance": model.description.performance or "unknown",
        "networks": f"{windows}, {config.network.base_width} channels, on {grid}",
        "calls at": f"{config.decision.min_tumor_voxels} tumor voxels or more",
        "weights": f"sha256 {model.description.weights_sha256[:16]}...",
    }
    return "\n".join([model.name, *(f"  {name + ':':<13}{text}" for name, text in lines.items())])
