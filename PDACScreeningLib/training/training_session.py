"""One training from a case store to its checkpoints: what was asked for, what it stands for, and the run itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PDACScreeningLib.config import (
    IntensityAugmentation,
    NetworkSpec,
    ScreeningConfig,
    TrainingConfig,
    ValidationSpec,
)
from PDACScreeningLib.datasets.split import read_split
from PDACScreeningLib.errors import ModelError, UsageError
from PDACScreeningLib.network.checkpoint import Checkpoint
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_directory import Model, load_model
from PDACScreeningLib.network.runtime import Runtime, resolve_training_device, use_threads
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.loss_curves import tensorboard_is_installed
from PDACScreeningLib.training.ranks import Ranks, joined_ranks
from PDACScreeningLib.training.recipes import paper_recipe, short_recipe
from PDACScreeningLib.training.run_record import PatchesOn, TrainingRun
from PDACScreeningLib.training.trainer import train


@dataclass(frozen=True)
class TrainRequest:
    """What a training is asked to be; None takes the recipe's own value. The options of `train` have these names."""

    store: Path
    output: Path
    patch_size: int
    recipe: str = "paper"
    iterations: int | None = None
    base_width: int | None = None
    batch_size: int | None = None
    seed: int = 0
    augmentation: bool = True
    device: str = "auto"
    threads: int | None = None
    checkpoint_every: int = 0
    checkpoint_minutes: float = 10.0
    split: Path | None = None
    fold: int = 0
    accumulate: int = 1
    prefetch: int = 4
    tensorboard: bool = False
    patches_on: PatchesOn = "auto"
    precision: str = "auto"
    batch_norm: Literal["global", "local"] = "global"
    validation_every: int = 0
    validation_share: float = 0.1
    validation_scans: int = 0
    learning_rate: float | None = None
    class_weights: Sequence[float] | None = None
    augmentation_start: int | None = None
    symmetries: Literal["cube", "axial"] = "cube"
    augment_shift_hu: float = 0.0
    augment_contrast: float = 0.0
    augment_noise_hu: float = 0.0
    augment_blur_voxels: float = 0.0
    average_decay: float = 0.0
    init_from: str | None = None  # a model's name or folder


@dataclass(frozen=True)
class TrainingEnd:
    """Where a training stands: at its end, or saved before it because it was asked to stop."""

    checkpoint: Checkpoint
    run: TrainingRun
    is_writer: bool  # of several processes, the one that tells

    @property
    def is_finished(self) -> bool:
        """Whether every iteration was done."""
        return self.checkpoint.iteration == self.run.config.iterations


def run_training(
    request: TrainRequest,
    *,
    on_progress: OnProgress = ignore_progress,
    only_check: OnProgress = ignore_progress,
    should_stop: Callable[[], bool] = lambda: False,
    notify: Callable[[str], None] = lambda _sentence: None,
) -> TrainingEnd:
    """Train one network, or go on with a training that was stopped.

    only_check: the hook of the processes that show nothing, of several. should_stop: looked at after each iteration;
    when true the training saves and returns. Raises UsageError, DataError, CheckpointError, ModelError.
    """
    use_threads(request.threads)
    store = training_cases(request.store, request.split, request.fold)
    model = None if request.init_from is None else load_model(find_model(request.init_from).folder)
    config = training_config(request, store.index.working_spacing_mm, model)
    start: dict[str, Any] | None = None if model is None else model.networks[request.patch_size].state_dict()
    runtime = resolve_training_device(request.device, request.precision)
    run = _training_run(request, config, runtime, notify)
    with joined_ranks(runtime.device) as ranks:
        _require_equal_parts(run, ranks)
        hook = on_progress if ranks.is_writer else only_check
        checkpoint = train(run, store, hook, should_stop=should_stop, notify=notify, ranks=ranks, start=start)
        return TrainingEnd(checkpoint, run, ranks.is_writer)


def training_cases(folder: Path, split: Path | None, fold: int) -> CaseStore:
    """The whole store, or what a split lets a fold train on. Raises DataError, UsageError for a fold there is not."""
    if split is None:
        return CaseStore(folder)
    try:
        return CaseStore(folder, read_split(split).train_patients(fold))
    except ValueError as error:
        raise UsageError(f"--fold {fold}: {error}") from error


def training_config(
    request: TrainRequest, working_spacing_mm: float | None, model: Model | None = None
) -> TrainingConfig:
    """The configuration a request stands for. model: the one to start from, whose network is taken over.

    Raises UsageError when the short recipe lacks its iterations or a value makes no training, ModelError when the
    model does not fit what is trained.
    """
    try:
        config = _recipe(request, working_spacing_mm)
        config = _with_options(config, request)
        return config if model is None else _starting_from(model, config, request)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _recipe(request: TrainRequest, working_spacing_mm: float | None) -> TrainingConfig:
    if request.recipe == "short":
        if request.iterations is None:
            raise UsageError("the short recipe needs --iterations")
        width = NetworkSpec().base_width if request.base_width is None else request.base_width
        return short_recipe(working_spacing_mm, base_width=width, iterations=request.iterations)
    config = paper_recipe(working_spacing_mm)
    if request.iterations is not None:
        config = replace(config, iterations=request.iterations)
    if request.base_width is not None:
        network = NetworkSpec(base_width=request.base_width)
        config = replace(config, screening=replace(config.screening, network=network))
    return config


def _with_options(config: TrainingConfig, request: TrainRequest) -> TrainingConfig:
    """The recipe with what was asked for beside it."""
    if request.batch_size is not None:
        config = replace(config, screening=_with_batch_size(config.screening, request.patch_size, request.batch_size))
    if request.learning_rate is not None:
        config = replace(config, optimizer=replace(config.optimizer, learning_rate=request.learning_rate))
    if request.class_weights is not None:
        background, pancreas, tumor = request.class_weights
        config = replace(config, loss=replace(config.loss, class_weights=(background, pancreas, tumor)))
    if request.augmentation_start is not None:
        config = replace(config, augmentation_start=request.augmentation_start)
    return replace(
        config,
        seed=request.seed,
        augmentation=request.augmentation,
        symmetries=request.symmetries,
        intensity_augmentation=IntensityAugmentation(
            shift_hu=request.augment_shift_hu,
            contrast=request.augment_contrast,
            noise_hu=request.augment_noise_hu,
            blur_voxels=request.augment_blur_voxels,
        ),
        average_decay=request.average_decay,
        batch_norm=request.batch_norm,
        validation=ValidationSpec(
            every=request.validation_every, patient_share=request.validation_share, scans=request.validation_scans
        ),
    )


def _starting_from(model: Model, config: TrainingConfig, request: TrainRequest) -> TrainingConfig:
    """With the model's kind of network, and its digest, so that a training never goes on from another one."""
    theirs, ours = model.config, config.screening
    if request.patch_size not in model.networks:
        raise ModelError(f"model '{model.description.name}' has no {request.patch_size}^3 network to start from")
    if (theirs.intensity, theirs.working_spacing_mm) != (ours.intensity, ours.working_spacing_mm):
        raise ModelError(
            f"model '{model.description.name}' works on a {theirs.working_spacing_mm} mm grid, the store is of "
            f"{ours.working_spacing_mm} mm: prepare it with --working-spacing-mm {theirs.working_spacing_mm}"
        )
    if request.base_width not in (None, theirs.network.base_width):
        raise UsageError(f"--base-width {request.base_width}: the model to start from has {theirs.network.base_width}")
    config = replace(config, screening=replace(ours, network=theirs.network))
    return replace(config, start_weights_sha256=model.description.weights_sha256)


def _with_batch_size(screening: ScreeningConfig, patch_size: int, batch_size: int) -> ScreeningConfig:
    scales = (
        replace(scale, batch_size=batch_size) if scale.patch_size == patch_size else scale for scale in screening.scales
    )
    return replace(screening, scales=tuple(scales))


def _training_run(
    request: TrainRequest, config: TrainingConfig, runtime: Runtime, notify: Callable[[str], None]
) -> TrainingRun:
    (scale,) = (scale for scale in config.screening.scales if scale.patch_size == request.patch_size)
    if request.tensorboard and not tensorboard_is_installed():
        notify("TensorBoard is not installed, training.jsonl has the same curves: pip install tensorboard")
    return TrainingRun(
        request.output / str(request.patch_size),
        scale,
        config,
        runtime,
        request.checkpoint_every,
        request.checkpoint_minutes,
        accumulate=request.accumulate,
        prefetch=request.prefetch,
        tensorboard=request.tensorboard and tensorboard_is_installed(),
        patches_on=request.patches_on,
    )


def _require_equal_parts(run: TrainingRun, ranks: Ranks) -> None:
    try:
        ranks.part_of(run.scale.batch_size)
    except ValueError as error:
        raise UsageError(str(error)) from error
