"""Which model answers. A demo model is never picked silently."""

from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.model_description import DESCRIPTION, available_models, read_description


@dataclass(frozen=True)
class ModelChoice:
    """A model folder, and in words why it is the one."""

    folder: Path
    reason: str


def find_model(wish: str | None) -> ModelChoice:
    """The model for `--model NAME|DIR`; without a wish, the only installed model that is not a demo.

    Raises UsageError when there is none or more than one, with what to type instead; ModelError when an installed
    model is damaged.
    """
    return _default_model() if wish is None else _named_model(wish)


def _named_model(wish: str) -> ModelChoice:
    for folder in available_models():
        if folder.name == wish:
            return ModelChoice(folder, f"--model {wish} was given")
    if (Path(wish) / DESCRIPTION).exists():
        return ModelChoice(Path(wish), "its folder was given with --model")
    names = ", ".join(folder.name for folder in available_models()) or "none"
    raise UsageError(f"no model '{wish}': it is neither an installed model ({names}) nor a folder with {DESCRIPTION}")


def _default_model() -> ModelChoice:
    folders = available_models()
    usable = [folder for folder in folders if not read_description(folder).is_demo]
    if len(usable) == 1:
        return ModelChoice(usable[0], "it is the only installed model that is not a demo")
    if usable:
        names = ", ".join(folder.name for folder in usable)
        raise UsageError(f"several models are installed ({names}); choose one with --model NAME")
    if folders:
        name = folders[0].name
        raise UsageError(
            f"the only installed model is '{name}', a demo trained on synthetic phantoms; it says nothing about "
            f"patients and is not used without being asked for. To use it all the same: --model {name}"
        )
    raise UsageError("no model is installed; give a model folder with --model DIR")
