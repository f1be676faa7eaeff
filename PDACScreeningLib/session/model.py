"""A model that is loaded when the first scan needs it and stays for the next ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.screening_result import ModelFacts

if TYPE_CHECKING:
    from PDACScreeningLib.network.window_predictor import WindowPredictor


@dataclass(frozen=True)
class ModelRequest:
    """Which model answers, and what it computes on."""

    model: str | None = None  # name or folder; None = the only installed model that is not a demo
    device: str = "auto"  # one of config.DEVICES
    memory_gib: float | None = None  # that the networks may take; None = as much as is there
    precision: str = "auto"  # one of config.PRECISIONS; "auto" is the device's fast one


@dataclass(frozen=True)
class LoadedModel:
    """Networks ready to answer, and what is told about them."""

    facts: ModelFacts
    config: ScreeningConfig
    device: str
    precision: str
    networks: Mapping[int, WindowPredictor]
    in_full_precision: Callable[[], Mapping[int, WindowPredictor]] | None  # None where `networks` are that already


class LazyModel:
    """The model that was asked for. torch is imported when it is loaded."""

    def __init__(self, request: ModelRequest) -> None:
        """Choose the model, but do not load it. Raises UsageError when there is no such model."""
        self.request = request
        self._choice = find_model(request.model)
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
        return tuple(step for network in self._loaded.networks.values() for step in network.memory_steps)

    def loaded(self) -> LoadedModel:
        """The networks on their device. Raises ModelError when the model is damaged or the device absent."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def announce(self, tell: Callable[[str], None]) -> None:
        """Say once which model is used, and why, before it is used."""
        if self._announced:
            return
        loaded = self.loaded()
        self._announced = True
        tell(f"Model: {loaded.facts.name}, because {loaded.facts.chosen_because}.")
        if loaded.facts.notice:
            tell(f"Note: {loaded.facts.notice}.")
        tell(f"Computing on {loaded.device} ({loaded.precision}).")

    def announce_again(self) -> None:
        """Let the next `announce` speak: whoever listens then has not heard it."""
        self._announced = False

    def _load(self) -> LoadedModel:
        from PDACScreeningLib.network.model_directory import load_model
        from PDACScreeningLib.network.runtime import resolve_device
        from PDACScreeningLib.network.window_predictor import full_precision, window_predictors

        model = load_model(self._choice.folder)
        runtime = resolve_device(self.request.device, self.request.precision, self.request.memory_gib)
        return LoadedModel(
            facts=model.description.facts(self._choice.reason),
            config=model.config,
            device=runtime.description,
            precision=runtime.precision,
            networks=window_predictors(model, runtime),
            in_full_precision=None if runtime.precision == "fp32" else lambda: full_precision(model, runtime),
        )
