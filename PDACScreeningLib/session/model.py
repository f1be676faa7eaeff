"""A model that is loaded when the first scan needs it and stays for the next ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.inference.engine import Engine
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.screening_result import ModelFacts


@dataclass(frozen=True)
class ModelRequest:
    """Which model answers, and what it computes on."""

    model: str | None = None  # name or folder; None = the only installed model that is not a demo
    device: str = "auto"  # one of config.DEVICES
    memory_gib: float | None = None  # that the networks may take; None = as much as is there
    precision: str = "auto"  # one of config.PRECISIONS; "auto" is the device's fast one
    folds: tuple[str, ...] = ()  # of an imported nnU-Net; () = all that it has
    mirroring: bool = True  # of an imported nnU-Net that was trained for it


@dataclass(frozen=True)
class LoadedModel:
    """An engine ready to answer, and what is told about it."""

    facts: ModelFacts
    config: ScreeningConfig
    device: str
    precision: str
    engine: Engine
    memory_steps: Callable[[], tuple[str, ...]]


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
        return self._loaded.memory_steps()

    def loaded(self) -> LoadedModel:
        """The model on its device. Raises ModelError when it or the device is not usable, UsageError for its folds."""
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
        from PDACScreeningLib.engines.loading import load_engine
        from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
        from PDACScreeningLib.network.runtime import resolve_device

        runtime = resolve_device(self.request.device, self.request.precision, self.request.memory_gib)
        options = EnsembleOptions(tuple(self.request.folds), self.request.mirroring)
        loaded = load_engine(self._choice.folder, runtime, options)
        return LoadedModel(
            facts=loaded.description.facts(self._choice.reason),
            config=loaded.description.config,
            device=runtime.description,
            precision=runtime.precision,
            engine=loaded.engine,
            memory_steps=loaded.memory_steps,
        )
