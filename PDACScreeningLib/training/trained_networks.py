"""Networks to publish: of the trainings in a run folder, or of a model that is to be described anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.errors import CheckpointError
from PDACScreeningLib.network.checkpoint import Checkpoint
from PDACScreeningLib.network.model_description import DESCRIPTION
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder, trained_folders
from PDACScreeningLib.training_range import TrainingRange

Notify = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class TrainedNetworks:
    """states: network state by patch size, coarse first. training: what is recorded of each, by patch size."""

    config: ScreeningConfig
    states: dict[int, dict[str, Any]]
    training: dict[str, dict[str, str]]
    training_range: TrainingRange | None = None  # of a model that tells it


def trained_networks(folder: Path, *, averaged: bool, last: bool, notify: Notify) -> TrainedNetworks:
    """Of a run folder or a model folder.

    averaged: take the averaged weights where a training kept them. last: take the last checkpoint of each training, not
    the best of those that were validated (ADR 0012). Raises CheckpointError when the trainings do not belong together,
    ModelError.
    """
    return _of_model(folder) if (folder / DESCRIPTION).exists() else _of_run(folder, averaged, last, notify)


def without_batch_sizes(config: ScreeningConfig) -> ScreeningConfig:
    """Batch sizes decide a training, not an answer, and each network may have been trained with its own."""
    return replace(config, scales=tuple(replace(scale, batch_size=1) for scale in config.scales))


def _of_model(folder: Path) -> TrainedNetworks:
    model = load_model(folder)
    states = {size: network.state_dict() for size, network in model.networks.items()}
    said = model.description
    return TrainedNetworks(model.config, states, said.training, said.training_range)


def _of_run(run: Path, averaged: bool, last: bool, notify: Notify) -> TrainedNetworks:
    checkpoints = _checkpoints(run, notify, last=last)
    states = {size: item.state_for_use if averaged else item.network_state for size, item in checkpoints.items()}
    training = {
        str(size): {
            **item.provenance,
            "iterations": str(item.iteration),
            "seed": str(item.config.seed),
            "weights": "average" if averaged and item.average_state else "last",
        }
        for size, item in checkpoints.items()
    }
    return TrainedNetworks(_joint_config(checkpoints), states, training)


def _checkpoints(run: Path, notify: Notify, *, last: bool) -> dict[int, Checkpoint]:
    """The checkpoints of a run folder by patch size, coarse first; they must agree on how a scan is screened."""
    found = [_checkpoint(CheckpointFolder(folder, notify), last) for folder in trained_folders(run)]
    if not found:
        raise CheckpointError(f"{run} holds no training; run `pdac-screening train` first")
    config = without_batch_sizes(found[0].config.screening)
    if any(without_batch_sizes(checkpoint.config.screening) != config for checkpoint in found):
        raise CheckpointError(f"the trainings in {run} have different configurations; train them with the same options")
    missing = {scale.patch_size for scale in config.scales} - {checkpoint.patch_size for checkpoint in found}
    if missing:
        raise CheckpointError(f"{run} lacks the networks {sorted(missing)}; train them too")
    return {checkpoint.patch_size: checkpoint for checkpoint in sorted(found, key=lambda item: -item.patch_size)}


def _checkpoint(folder: CheckpointFolder, last: bool) -> Checkpoint:
    return (folder.newest() if last else None) or folder.for_use()


def _joint_config(checkpoints: dict[int, Checkpoint]) -> ScreeningConfig:
    """The configuration of the model: the common one, each scale as it was trained."""
    trained = {
        size: next(scale for scale in checkpoint.config.screening.scales if scale.patch_size == size)
        for size, checkpoint in checkpoints.items()
    }
    return replace(next(iter(checkpoints.values())).config.screening, scales=tuple(trained.values()))
