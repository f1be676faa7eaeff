"""What `publish` does: the checkpoints of a run folder become a model folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.errors import CheckpointError
from PDACScreeningLib.network.checkpoint import Checkpoint
from PDACScreeningLib.network.model_description import ModelDescription
from PDACScreeningLib.network.model_directory import save_model
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder, Notify, trained_folders


@dataclass(frozen=True)
class PublishRequest:
    """What was asked of `publish`."""

    run: Path
    output: Path
    name: str
    trained_on: str
    notice: str
    performance: str
    is_demo: bool


def run_publish(request: PublishRequest, display: Display) -> int:
    """Write the model folder. Raises CheckpointError when the trainings do not belong together."""
    checkpoints = _checkpoints(request.run, display.notice)
    config = _joint_config(checkpoints)
    description = ModelDescription(
        name=request.name,
        trained_on=request.trained_on,
        is_demo=request.is_demo,
        config=config,
        weights_sha256="",
        notice=request.notice,
        performance=request.performance,
        training={
            str(size): {**item.provenance, "iterations": str(item.iteration), "seed": str(item.config.seed)}
            for size, item in checkpoints.items()
        },
    )
    states = {size: item.network_state for size, item in checkpoints.items()}
    written = save_model(request.output, description, states)
    facts = {"folder": str(request.output), "weights_sha256": written.weights_sha256}
    display.result(f"model '{request.name}' written to {request.output}; add a MODEL_CARD.md", facts)
    return 0


def _checkpoints(run: Path, notify: Notify) -> dict[int, Checkpoint]:
    """The checkpoints of a run folder by patch size, coarse first; they must agree on how a scan is screened.

    Of each training the best when it was validated, else the last (ADR 0012).
    """
    found = [CheckpointFolder(folder, notify).for_use() for folder in trained_folders(run)]
    if not found:
        raise CheckpointError(f"{run} holds no training; run `pdac-screening train` first")
    config = _without_batch_sizes(found[0].config.screening)
    if any(_without_batch_sizes(checkpoint.config.screening) != config for checkpoint in found):
        raise CheckpointError(f"the trainings in {run} have different configurations; train them with the same options")
    missing = {scale.patch_size for scale in config.scales} - {checkpoint.patch_size for checkpoint in found}
    if missing:
        raise CheckpointError(f"{run} lacks the networks {sorted(missing)}; train them too")
    return {checkpoint.patch_size: checkpoint for checkpoint in sorted(found, key=lambda item: -item.patch_size)}


def _without_batch_sizes(config: ScreeningConfig) -> ScreeningConfig:
    """Batch sizes decide a training, not an answer, and each network may have been trained with its own."""
    return replace(config, scales=tuple(replace(scale, batch_size=1) for scale in config.scales))


def _joint_config(checkpoints: dict[int, Checkpoint]) -> ScreeningConfig:
    """The configuration of the model: the common one, each scale as it was trained."""
    trained = {
        size: next(scale for scale in checkpoint.config.screening.scales if scale.patch_size == size)
        for size, checkpoint in checkpoints.items()
    }
    return replace(next(iter(checkpoints.values())).config.screening, scales=tuple(trained.values()))
