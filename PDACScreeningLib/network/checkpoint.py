"""The state of a training on disk: network, optimizer, iteration and the configuration that made them."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.errors import CheckpointError, DamagedCheckpoint
from PDACScreeningLib.plain_data import from_plain, to_plain

FORMAT_VERSION = 3  # 2: the best validation so far and the state of the fp16 gradient scaler; 3: averaged weights
_READABLE = (1, 2, 3)


@dataclass(frozen=True)
class BestValidation:
    """The best validation of a training so far."""

    iteration: int  # iterations done when it was measured
    mean_dice: float  # of pancreas and tumor, 0..1


@dataclass(frozen=True)
class Checkpoint:
    """Everything a training needs to go on, and everything a model needs to be used.

    iteration: how many iterations are done. provenance: plain strings (store digest, versions, time used).
    best: None before the first validation. scaler_state: of the fp16 gradient scaler, empty without one.
    average_state: the moving average of the network's state, empty where none is kept.
    """

    config: TrainingConfig
    patch_size: int
    iteration: int
    network_state: dict[str, Any]
    optimizer_state: dict[str, Any]
    provenance: dict[str, str]
    best: BestValidation | None = None
    scaler_state: dict[str, Any] = field(default_factory=dict)
    average_state: dict[str, Any] = field(default_factory=dict)

    @property
    def state_for_use(self) -> dict[str, Any]:
        """What a model is made of: the averaged weights where they are kept, else the last."""
        return self.average_state or self.network_state


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The content of a checkpoint file; equal checkpoints give equal bytes."""
    content = {
        "format_version": FORMAT_VERSION,
        "config": to_plain(checkpoint.config),
        "patch_size": checkpoint.patch_size,
        "iteration": checkpoint.iteration,
        "network": checkpoint.network_state,
        "optimizer": checkpoint.optimizer_state,
        "provenance": checkpoint.provenance,
        "best": None if checkpoint.best is None else to_plain(checkpoint.best),
        "scaler": checkpoint.scaler_state,
        "average": checkpoint.average_state,
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def decode_checkpoint(encoded: bytes, path: Path) -> Checkpoint:
    """The checkpoint of a file's content, tensors on the CPU; nothing in it is executed.

    path: named in errors. Reads format 1 too. Raises DamagedCheckpoint, CheckpointError for another version.
    """
    try:
        with warnings.catch_warnings():  # of damaged files, in the words of a library
            warnings.simplefilter("ignore")
            content = torch.load(io.BytesIO(encoded), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen unrelated types for a damaged file
        told = type(error).__name__
        raise DamagedCheckpoint(f"{path} is damaged or not a checkpoint ({told}); train again") from error
    if not isinstance(content, dict) or content.get("format_version") not in _READABLE:
        raise CheckpointError(f"{path} is not a checkpoint of format {FORMAT_VERSION}; use the version that wrote it")
    try:
        return _checkpoint_of(content)
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path} does not fit this version: {error}") from error


def _checkpoint_of(content: dict[str, Any]) -> Checkpoint:
    """Raises KeyError for what is missing, ValueError for what is of another type."""

    def typed(name: str, kind: type, value: Any) -> Any:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{name} is {type(value).__name__}, expected {kind.__name__}")
        return value

    best = content.get("best")
    return Checkpoint(
        config=from_plain(TrainingConfig, content["config"]),
        patch_size=typed("patch_size", int, content["patch_size"]),
        iteration=typed("iteration", int, content["iteration"]),
        network_state=typed("network", dict, content["network"]),
        optimizer_state=typed("optimizer", dict, content["optimizer"]),
        provenance=typed("provenance", dict, content["provenance"]),
        best=None if best is None else from_plain(BestValidation, best),
        scaler_state=typed("scaler", dict, content.get("scaler", {})),
        average_state=typed("average", dict, content.get("average", {})),
    )


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> Path:
    """Write a checkpoint through the atomic writer and read it back. Raises WriteError; the old file stays then."""
    return atomic_file.write_bytes(path, encode_checkpoint(checkpoint))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file. Raises CheckpointError when it is missing, damaged or of another version."""
    return decode_checkpoint(read_checkpoint_bytes(path), path)


def read_checkpoint_bytes(path: Path) -> bytes:
    """The content of a checkpoint file. Raises CheckpointError when it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing; train first") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}; check the disk and permissions") from error
