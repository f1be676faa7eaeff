"""The state of a training on disk: network, optimizer, iteration and the configuration that made them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.errors import CheckpointError
from PDACScreeningLib.plain_data import from_plain, to_plain

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Everything a training needs to go on, and everything a model needs to be used.

    iteration: how many iterations are done. provenance: plain strings (store digest, versions, time used).
    """

    config: TrainingConfig
    patch_size: int
    iteration: int
    network_state: dict[str, Any]
    optimizer_state: dict[str, Any]
    provenance: dict[str, str]


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> Path:
    """Write a checkpoint through the atomic writer and read it back. Raises WriteError; the old file stays then."""
    content = {
        "format_version": FORMAT_VERSION,
        "config": to_plain(checkpoint.config),
        "patch_size": checkpoint.patch_size,
        "iteration": checkpoint.iteration,
        "network": checkpoint.network_state,
        "optimizer": checkpoint.optimizer_state,
        "provenance": checkpoint.provenance,
    }

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return atomic_file.write_bytes(path, buffer.getvalue())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, tensors on the CPU; nothing in the file is executed. Raises CheckpointError."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing; train first") from error
    except Exception as error:  # torch raises half a dozen unrelated types for a damaged file
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({type(error).__name__}); train again") from error
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(f"{path} is not a checkpoint of format {FORMAT_VERSION}; use the version that wrote it")
    try:
        return Checkpoint(
            config=from_plain(TrainingConfig, content["config"]),
            patch_size=content["patch_size"],
            iteration=content["iteration"],
            network_state=content["network"],
            optimizer_state=content["optimizer"],
            provenance=content["provenance"],
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path} does not fit this version: {error}") from error
