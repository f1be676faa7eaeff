"""A model that is loaded when the first scan needs it and stays for the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.screening_result import ModelFacts

if TYPE_CHECKING:
    from PDACScreeningLib.network.window_predictor import WindowPredictor


@dataclass(frozen=True)
class LoadedModel:
    """Networks ready to answer, and what is told about them."""

    facts: ModelFacts
    config: ScreeningConfig
    device: str
    precision: str
    networks: Mapping[int, WindowPredictor]


class WarmModel:
    """The model that was asked for. torch is imported when it is loaded."""

    def __init__(self, wish: str | None, device: str, memory_gib: float | None) -> None:
        """Choose the model, but do not load it. Raises UsageError when there is no such model."""
        self._choice = find_model(wish)
        self._device, self._memory_gib = device, memory_gib
        self._loaded: LoadedModel | None = None
        self._announced = False

    @property
    def folder(self) -> Path:
        """Where the model lies."""
        return self._choice.folder

    @property
    def memory_steps(self) -> tuple[str, ...]:
        """What the networks did because memory did not suffice, in words; they keep to it for the next scans."""
        if self._loaded is None:
            return ()
        return tuple(rung for network in self._loaded.networks.values() for rung in network.rungs)

    def loaded(self) -> LoadedModel:
        """The networks on their device. Raises ModelError when the model is damaged or the device absent."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def announce(self, display: Display) -> None:
        """Say once which model is used, and why, before it is used."""
        if self._announced:
            return
        self._announced = True
        loaded = self.loaded()
        display.notice(f"Model: {loaded.facts.name}, because {loaded.facts.chosen_because}.")
        if loaded.facts.notice:
            display.notice(f"Note: {loaded.facts.notice}.")
        display.notice(f"Computing on {loaded.device} ({loaded.precision}).")

    def _load(self) -> LoadedModel:
        from PDACScreeningLib.network.model_directory import load_model
        from PDACScreeningLib.network.runtime import resolve_device
        from PDACScreeningLib.network.window_predictor import window_predictors

        model = load_model(self._choice.folder)
        runtime = resolve_device(self._device, memory_gib=self._memory_gib)
        return LoadedModel(
            facts=model.description.facts(self._choice.reason),
            config=model.config,
            device=runtime.description,
            precision=runtime.precision,
            networks=window_predictors(model, runtime),
        )
