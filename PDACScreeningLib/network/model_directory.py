"""A trained model on disk: `weights.safetensors`, `model.json`, `MODEL_CARD.md`.

The configuration travels with the weights: `screen` takes it from here and never from the command line.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.weights_file import read_weights, write_weights
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.resources import resource
from PDACScreeningLib.screening_result import ModelFacts

FORMAT_VERSION = 1
DESCRIPTION, WEIGHTS, CARD = "model.json", "weights.safetensors", "MODEL_CARD.md"


@dataclass(frozen=True)
class ModelDescription:
    """The content of `model.json`."""

    name: str
    trained_on: str  # one sentence
    is_demo: bool
    config: ScreeningConfig
    weights_sha256: str
    notice: str = ""  # shown on every output, e.g. "demo model, trained on synthetic phantoms only"
    performance: str = ""  # one sentence of measured figures and what they were measured on; empty = unknown
    training: dict[str, dict[str, str]] = field(default_factory=dict)  # patch size -> provenance of its training
    format_version: int = FORMAT_VERSION

    def facts(self, chosen_because: str) -> ModelFacts:
        """What a screening result says of its model."""
        return ModelFacts(
            name=self.name,
            trained_on=self.trained_on,
            notice=self.notice,
            is_demo=self.is_demo,
            weights_sha256=self.weights_sha256,
            chosen_because=chosen_because,
            performance=self.performance,
        )


@dataclass(frozen=True)
class Model:
    """A loaded model: one network per scale, in evaluation mode, on the CPU."""

    description: ModelDescription
    networks: dict[int, SegmentationNetwork]

    @property
    def config(self) -> ScreeningConfig:
        """The configuration the networks were trained for."""
        return self.description.config


def save_model(folder: Path, description: ModelDescription, states: dict[int, dict[str, Tensor]]) -> ModelDescription:
    """Write weights and description of a model; auxiliary heads, used in training only, are left out.

    states: patch size -> network state. Returns the description with the digest of the written weights.
    Raises ValueError when the scales do not fit the configuration, WriteError.
    """
    sizes = [scale.patch_size for scale in description.config.scales]
    if sorted(states) != sorted(sizes):
        raise ValueError(f"the configuration has scales {sizes}, weights were given for {sorted(states)}")
    tensors = {
        f"{size}.{name}": tensor
        for size, state in states.items()
        for name, tensor in state.items()
        if not name.startswith("auxiliary_heads.")
    }
    weights = write_weights(tensors, folder / WEIGHTS)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    description = replace(description, weights_sha256=digest)
    atomic_file.write_json(folder / DESCRIPTION, to_plain(description))
    return description


def read_description(folder: Path) -> ModelDescription:
    """Read `model.json`. Raises ModelError when it is missing, damaged or of another version."""
    path = folder / DESCRIPTION
    try:
        description = from_plain(ModelDescription, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} is not a model: {DESCRIPTION} is missing; `pdac-screening models` lists models"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{DESCRIPTION} in {folder} cannot be used: {error}; copy the model again") from error
    if description.format_version != FORMAT_VERSION:
        found = description.format_version
        raise ModelError(
            f"{folder} has model format {found}, this version reads {FORMAT_VERSION}; use a matching version"
        )
    return description


def load_model(folder: Path) -> Model:
    """Load a model; the weights must carry the digest that `model.json` names. Raises ModelError."""
    description = read_description(folder)
    weights = folder / WEIGHTS
    if not weights.exists():
        raise ModelError(f"{WEIGHTS} is missing in {folder}; copy the model again")
    if hashlib.sha256(weights.read_bytes()).hexdigest() != description.weights_sha256:
        raise ModelError(f"{WEIGHTS} in {folder} is not the file that {DESCRIPTION} describes; copy the model again")
    tensors = read_weights(weights)
    return Model(
        description,
        {scale.patch_size: _network(description, scale.patch_size, tensors) for scale in description.config.scales},
    )


def available_models() -> list[Path]:
    """Folders of the models that come with the project, by name."""
    root = resource("Models")
    return sorted(path.parent for path in root.glob(f"*/{DESCRIPTION}"))


def _network(description: ModelDescription, patch_size: int, tensors: dict[str, Tensor]) -> SegmentationNetwork:
    config = description.config
    (scale,) = (scale for scale in config.scales if scale.patch_size == patch_size)
    network = SegmentationNetwork(replace(scale, loss_weights=(1.0,)), config.network)  # no auxiliary heads
    prefix = f"{patch_size}."
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"weights of the {patch_size}^3 network do not fit the configuration in {DESCRIPTION}"
        ) from error
    return network.eval()
