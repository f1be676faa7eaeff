"""The models a person can choose from, each one checked. Works without torch, as Slicer's own process must."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.model_description import (
    DESCRIPTION,
    ModelDescription,
    available_models,
    read_description,
)


@dataclass(frozen=True)
class ListedModel:
    """A model folder. A damaged or edited one has an error, which says why, and no description."""

    wish: str  # what `--model` gets: the name of an installed model, or a folder
    description: ModelDescription | None
    error: str = ""

    @property
    def name(self) -> str:
        """What the model calls itself; the folder's name when it cannot be believed."""
        return self.description.name if self.description is not None else Path(self.wish).name

    @property
    def is_demo(self) -> bool:
        """Whether it must not be used without being asked for."""
        return self.description is None or self.description.is_demo

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked for at all."""
        return self.description is not None


def installed_models() -> tuple[ListedModel, ...]:
    """The models that come with the project: first those for patients, then demos, then damaged ones; by name."""
    found = [_listed(folder, wish=folder.name) for folder in available_models()]
    return tuple(sorted(found, key=lambda model: (not model.is_usable, model.is_demo, model.name)))


def model_in(folder: Path) -> ListedModel | None:
    """The model in a folder, damaged or not; None when the folder holds no model.json."""
    try:
        if not (folder / DESCRIPTION).is_file():
            return None
    except OSError:
        return None
    return _listed(folder, wish=str(folder))


def _listed(folder: Path, *, wish: str) -> ListedModel:
    try:
        return ListedModel(wish, read_description(folder))
    except ModelError as error:
        return ListedModel(wish, None, str(error))
