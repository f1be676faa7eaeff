"""A trained model on disk: `weights.safetensors`, `model.json`, `MODEL_CARD.md`.

The configuration travels with the weights: `screen` takes it from here and never from the command line.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.model_description import DESCRIPTION, ModelDescription, read_description, sealed
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.weights_file import encoded_weights, read_weights, write_weights
from PDACScreeningLib.plain_data import to_plain

WEIGHTS = "weights.safetensors"


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

    states: patch size -> network state. Returns the description with the digests of the written weights and of itself.
    Raises ValueError when the scales do not fit the configuration, WriteError.
    """
    sizes = [scale.patch_size for scale in description.config.scales]
    if sorted(states) != sorted(sizes):
        raise ValueError(f"the configuration has scales {sizes}, weights were given for {sorted(states)}")
    weights = write_weights(_tensors(states), folder / WEIGHTS)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    description = sealed(replace(description, weights_sha256=digest))
    atomic_file.write_json(folder / DESCRIPTION, to_plain(description))
    return description


def weights_sha256(states: dict[int, dict[str, Tensor]]) -> str:
    """The digest that the weights of these networks will have on disk."""
    return hashlib.sha256(encoded_weights(_tensors(states))).hexdigest()


def _tensors(states: dict[int, dict[str, Tensor]]) -> dict[str, Tensor]:
    return {
        f"{size}.{name}": tensor
        for size, state in states.items()
        for name, tensor in state.items()
        if not name.startswith("auxiliary_heads.")
    }


def load_model(folder: Path) -> Model:
    """Load a model; the weights must carry the digest that `model.json` names. Raises ModelError.

    An imported nnU-Net is loaded by `engines.loading`; here it is refused.
    """
    description = read_description(folder)
    if description.engine != "zhu2019":
        raise ModelError(f"the model in {folder} is an imported nnU-Net: it has no networks of Fig. 2")
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


def _network(description: ModelDescription, patch_size: int, tensors: dict[str, Tensor]) -> SegmentationNetwork:
    config = description.config
    (scale,) = (scale for scale in config.scales if scale.patch_size == patch_size)
    without_heads = replace(scale, loss_weights=(1.0,))  # auxiliary heads serve training only
    prefix = f"{patch_size}."
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    try:
        with torch.device("meta"):  # takes no memory, whatever width the configuration asks for
            SegmentationNetwork(without_heads, config.network).load_state_dict(state, assign=True)
        network = SegmentationNetwork(without_heads, config.network)
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"weights of the {patch_size}^3 network do not fit the configuration in {DESCRIPTION}"
        ) from error
    return network.eval()
