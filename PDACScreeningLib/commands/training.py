"""What `train` does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.config import NetworkSpec, ScreeningConfig, TrainingConfig
from PDACScreeningLib.datasets.split import read_split
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.runtime import resolve_device
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.loss_curves import tensorboard_is_installed
from PDACScreeningLib.training.recipes import paper_recipe, short_recipe
from PDACScreeningLib.training.trainer import TrainingRun, train


@dataclass(frozen=True)
class TrainRequest:
    """What was asked of `train`; None takes the recipe's own value."""

    store: Path
    output: Path
    patch_size: int
    recipe: str
    iterations: int | None
    base_width: int | None
    batch_size: int | None
    seed: int
    augmentation: bool
    device: str
    threads: int | None
    checkpoint_every: int
    split: Path | None = None
    fold: int = 0
    accumulate: int = 1
    prefetch: int = 4
    tensorboard: bool = False


def run_train(request: TrainRequest, display: Display, interruption: Interruption) -> int:
    """Train one network, or go on with a training that was stopped."""
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    store = training_cases(request.store, request.split, request.fold)
    config = training_config(request, store.index.working_spacing_mm)
    (scale,) = (scale for scale in config.screening.scales if scale.patch_size == request.patch_size)
    folder = request.output / str(request.patch_size)
    if request.tensorboard and not tensorboard_is_installed():
        display.notice("TensorBoard is not installed, training.jsonl has the same curves: pip install tensorboard")
    run = TrainingRun(
        folder,
        scale,
        config,
        resolve_device(request.device),
        request.checkpoint_every,
        accumulate=request.accumulate,
        prefetch=request.prefetch,
        tensorboard=request.tensorboard and tensorboard_is_installed(),
    )
    checkpoint = train(run, store, interruption.hook(display.progress))
    facts = {"iterations": checkpoint.iteration, "folder": str(folder)}
    display.result(f"{request.patch_size}^3 network trained for {checkpoint.iteration} iterations in {folder}", facts)
    return 0


def training_cases(folder: Path, split: Path | None, fold: int) -> CaseStore:
    """The whole store, or what a split lets a fold train on. Raises DataError, UsageError for a fold there is not."""
    if split is None:
        return CaseStore(folder)
    try:
        return CaseStore(folder, read_split(split).train_patients(fold))
    except ValueError as error:
        raise UsageError(f"--fold {fold}: {error}") from error


def training_config(request: TrainRequest, working_spacing_mm: float | None) -> TrainingConfig:
    """The configuration a request stands for. Raises UsageError when the short recipe lacks its iterations."""
    if request.recipe == "short":
        if request.iterations is None:
            raise UsageError("the short recipe needs --iterations")
        width = NetworkSpec().base_width if request.base_width is None else request.base_width
        config = short_recipe(working_spacing_mm, base_width=width, iterations=request.iterations)
    else:
        config = paper_recipe(working_spacing_mm)
        if request.iterations is not None:
            config = replace(config, iterations=request.iterations)
        if request.base_width is not None:
            network = NetworkSpec(base_width=request.base_width)
            config = replace(config, screening=replace(config.screening, network=network))
    if request.batch_size is not None:
        config = replace(config, screening=_with_batch_size(config.screening, request.patch_size, request.batch_size))
    return replace(config, seed=request.seed, augmentation=request.augmentation)


def _with_batch_size(screening: ScreeningConfig, patch_size: int, batch_size: int) -> ScreeningConfig:
    scales = (
        replace(scale, batch_size=batch_size) if scale.patch_size == patch_size else scale for scale in screening.scales
    )
    return replace(screening, scales=tuple(scales))
