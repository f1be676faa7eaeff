"""An import of a trained nnU-Net in a child process: what has to be asked before it, how it ended. No torch here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.child_run.screening_process import ScreeningProcess
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.nnunet_recipes import RECIPES
from PDACScreeningLib.strict_json import read_json

_UNTOLD = "the import ended without a word; run `pdac-screening import-model` in a terminal to see why"


@dataclass(frozen=True)
class ImportAnswers:
    """What a person says of a folder. tumor, pancreas: names of its labels, with commas between."""

    folder: str
    name: str
    license: str
    source: str
    tumor: str = ""  # with a recipe nobody has to say it, and there is no other first step
    pancreas: str = ""
    coarse: str = ""  # folder of a first step; "" = there is none
    recipe: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of `python -m PDACScreeningLib`."""
        words = ["import-model", self.folder, "--name", self.name, "--license-text", self.license]
        words += ["--source", self.source, "--progress", "json"]
        if self.recipe:
            words += ["--recipe", self.recipe]
        else:
            words += ["--labels", f"tumor={self.tumor}", f"pancreas={self.pancreas}"]
        return (*words, *(("--coarse", self.coarse) if self.coarse else ()))


def trained_labels(folder: Path) -> tuple[str, ...]:
    """Names of the labels of a trained nnU-Net folder, without the background; () when it is none."""
    try:
        content = read_json(folder / "dataset.json") if (folder / "plans.json").is_file() else {}
    except (OSError, ValueError):
        return ()
    labels = content.get("labels") if isinstance(content, dict) else None
    return tuple(str(name) for name in labels if name != "background") if isinstance(labels, dict) else ()


def recipe_in(folder: Path) -> str:
    """The recipe whose two trained folders lie in a folder, as their authors named them; "" when it holds none."""
    for name, recipe in RECIPES.items():
        if all(any(folder.glob(f"{one}*/*/plans.json")) for one in (recipe.dataset, recipe.coarse_dataset)):
            return name
    return ""


class ModelImport:
    """An import under way. Every method returns at once."""

    def __init__(self, answers: ImportAnswers, python: str | None = None) -> None:
        """Start it. Raises OSError when no child can be started."""
        self._child = ScreeningProcess(["-m", "PDACScreeningLib", *answers.arguments], python)
        self._errors: list[str] = []
        self._folder = ""

    def folder(self) -> Path | None:
        """Of the model, once it is there; None while the import runs. Raises ModelError saying why there is none."""
        running = self._child.running
        for event in self._child.events():
            self._folder = str(event.get("folder", self._folder))
            self._errors.extend(_message(event))
        if running:
            return None
        self._child.close()
        if self._child.exit_code != 0 or not self._folder:
            raise ModelError(self._errors[-1] if self._errors else _UNTOLD)
        return Path(self._folder)

    def cancel(self) -> None:
        """End it; no model is left."""
        self._child.cancel()


def _message(event: dict[str, object]) -> Iterator[str]:
    if event.get("event") == "error":
        yield str(event.get("message", ""))
