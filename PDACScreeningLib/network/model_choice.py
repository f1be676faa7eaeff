"""Which model answers. A demo model is never picked silently."""

from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.model_description import DESCRIPTION, available_models
from PDACScreeningLib.network.model_list import installed_models


@dataclass(frozen=True)
class ModelChoice:
    """A model folder, and in words why it is the one."""

    folder: Path
    reason: str


def find_model(name_or_folder: str | None) -> ModelChoice:
    """The model for `--model NAME|DIR`; None takes the only installed model that is not a demo.

    Raises UsageError when there is none or more than one, with what to type instead. A damaged model is never chosen
    without being asked for, and is refused when it is loaded.
    """
    return _default_model() if name_or_folder is None else _named_model(name_or_folder)


def _named_model(name_or_folder: str) -> ModelChoice:
    for folder in available_models():
        if folder.name == name_or_folder:
            return ModelChoice(folder, f"--model {name_or_folder} was given")
    if (Path(name_or_folder) / DESCRIPTION).exists():
        return ModelChoice(Path(name_or_folder), "its folder was given with --model")
    names = ", ".join(folder.name for folder in available_models()) or "none"
    raise UsageError(
        f"no model '{name_or_folder}': it is neither an installed model ({names}) nor a folder with {DESCRIPTION}"
    )


def _default_model() -> ModelChoice:
    folders = {folder.name: folder for folder in available_models()}
    models = installed_models()
    usable = [model.wish for model in models if not model.is_demo]
    damaged = [model.wish for model in models if not model.is_usable]
    if damaged:  # one of them may have been the default until yesterday
        raise UsageError(
            f"no model was named, and {', '.join(damaged)} is damaged (`pdac-screening models` tells why); "
            "choose one with --model NAME, or copy the damaged one again"
        )
    if len(usable) == 1:
        return ModelChoice(folders[usable[0]], "it is the only installed model that is not a demo")
    if usable:
        raise UsageError(f"several models are installed ({', '.join(usable)}); choose one with --model NAME")
    if models:
        name = models[0].wish
        raise UsageError(
            f"the only installed model is '{name}', a demo trained on synthetic phantoms; it says nothing about "
            f"patients and is not used without being asked for. To use it all the same: --model {name}"
        )
    raise UsageError("no model is installed; give a model folder with --model DIR")
