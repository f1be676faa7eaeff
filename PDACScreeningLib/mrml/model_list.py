"""The models a person can choose from, read without torch: Slicer's own process never imports it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PDACScreeningLib.resources import resource

DESCRIPTION = "model.json"  # as in PDACScreeningLib.network.model_description, which lies above mrml


@dataclass(frozen=True)
class ModelEntry:
    """One line of the list of models."""

    wish: str  # what `--model` gets: a name of an installed model, or a folder
    name: str
    is_demo: bool
    trained_on: str
    notice: str
    performance: str  # empty = unknown

    @property
    def card(self) -> str:
        """What the model rests on, in a few sentences."""
        return self._with(self.performance or "unknown")

    @property
    def summary(self) -> str:
        """The card without its figures: they stand in the tool tip and with every result."""
        return self._with("hold the pointer here" if self.performance else "unknown")

    def _with(self, performance: str) -> str:
        notice = f"{self.notice[0].upper()}{self.notice[1:]}. " if self.notice else ""
        trained_on = f"Trained on {self.trained_on}. " if self.trained_on else ""
        return f"{notice}{trained_on}Measured performance: {performance}."


def installed_models() -> tuple[ModelEntry, ...]:
    """The models that come with the project, demos last, then by name. Damaged ones are left out."""
    folders = sorted(path.parent for path in resource("Models").glob(f"*/{DESCRIPTION}"))
    entries = [entry for folder in folders if (entry := _entry(folder, wish=folder.name)) is not None]
    return tuple(sorted(entries, key=lambda entry: (entry.is_demo, entry.name)))


def model_in(folder: Path) -> ModelEntry | None:
    """The model in a folder; None when the folder holds none that can be read."""
    return _entry(folder, wish=str(folder))


def _entry(folder: Path, *, wish: str) -> ModelEntry | None:
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(description, dict):
        return None
    return ModelEntry(
        wish=wish,
        name=_text(description, "name") or folder.name,
        is_demo=description.get("is_demo") is not False,  # what does not say is treated as a demo
        trained_on=_text(description, "trained_on"),
        notice=_text(description, "notice"),
        performance=_text(description, "performance"),
    )


def _text(description: dict[str, Any], key: str) -> str:
    value = description.get(key, "")
    return value.rstrip(". ") if isinstance(value, str) else ""
