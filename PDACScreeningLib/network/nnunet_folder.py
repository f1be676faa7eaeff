"""A trained nnU-Net v2 folder: where its files are, and its weights one fold after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.nnunet_checkpoint import NnunetCheckpoint, network_state, read_nnunet_checkpoint
from PDACScreeningLib.network.nnunet_labels import LabelWish
from PDACScreeningLib.network.nnunet_model import FoldFile, NnunetStep
from PDACScreeningLib.network.nnunet_plans import DATASET, PLANS, PlannedStep, read_plans

_USUAL_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")

# Writes the weights of a fold somewhere: (fold, tensors) -> (file name, SHA-256).
KeepWeights = Callable[[str, dict[str, Tensor]], tuple[str, str]]


@dataclass(frozen=True)
class StepSource:
    """Which folder, and what of it. configuration "": as the checkpoint says. checkpoint None: the usual names."""

    folder: Path
    labels: LabelWish
    checkpoint: str | None = None
    configuration: str = ""


@dataclass(frozen=True)
class ReadStep:
    """A step that was read, with the SHA-256 of every file by its place, and how many parameters it has."""

    step: NnunetStep
    imported_sha256: dict[str, str]
    parameters: int


def read_step(source: StepSource, keep: KeepWeights) -> ReadStep:
    """Read plans and checkpoints, and hand the weights of each fold on, one at a time.

    Raises ModelError when a file is missing, refused, or does not belong to the others.
    """
    folder = source.folder
    paths = _checkpoints(folder, source.checkpoint)
    digests = {f"{folder.name}/{name}": _digest(folder / name) for name in (DATASET, PLANS)}
    first = read_nnunet_checkpoint(next(iter(paths.values())))
    planned = _plan_of(source, first)
    folds, parameters = [], 0
    for place, (fold, path) in enumerate(paths.items()):
        checkpoint = first if place == 0 else read_nnunet_checkpoint(path)
        digests[f"{folder.name}/fold_{fold}/{path.name}"] = checkpoint.sha256
        _require_same(first, checkpoint, path)
        tensors = _weights(checkpoint, planned, path)
        parameters += sum(tensor.numel() for tensor in tensors.values())
        file, sha256 = keep(fold, tensors)
        folds.append(FoldFile(fold, file, sha256, path.name, checkpoint.sha256))
    try:
        step = NnunetStep(**vars(planned), trainer=first.trainer, mirror_axes=first.mirror_axes, folds=tuple(folds))
    except ValueError as error:
        raise ModelError(f"{folder} cannot be used: {error}") from error
    return ReadStep(step, digests, parameters)


def _checkpoints(folder: Path, name: str | None) -> dict[str, Path]:
    """The checkpoint of each fold, in order. Raises ModelError when there is none, or not the same one everywhere."""
    folds = sorted((path for path in folder.glob("fold_*") if path.is_dir()), key=_fold_order)
    if not folds:
        raise ModelError(f"{folder} is no trained nnU-Net folder: it holds no fold_0, fold_1, ... or fold_all")
    wanted = [name] if name else [usual for usual in _USUAL_CHECKPOINTS if (folds[0] / usual).is_file()]
    if not wanted:
        there = ", ".join(sorted(path.name for path in folds[0].glob("*.pth"))) or "none"
        raise ModelError(f"{folds[0]} holds neither of {', '.join(_USUAL_CHECKPOINTS)}; name one of: {there}")
    missing = [path.name for path in folds if not (path / wanted[0]).is_file()]
    if missing:
        raise ModelError(f"{', '.join(missing)} of {folder} lacks {wanted[0]}; copy it, or name another --checkpoint")
    return {path.name.removeprefix("fold_"): path / wanted[0] for path in folds}


def _fold_order(path: Path) -> tuple[int, str]:
    name = path.name.removeprefix("fold_")
    return (int(name), "") if name.isdecimal() else (1_000_000, name)


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise ModelError(f"{path.parent} is no nnU-Net folder: {path.name} cannot be read") from error


def _plan_of(source: StepSource, checkpoint: NnunetCheckpoint) -> PlannedStep:
    """The plan that the checkpoint was trained with: it names it, or the name of the folder does."""
    of_folder = source.folder.name.split("__")[-1] if source.folder.name.count("__") == 2 else ""
    name = source.configuration or checkpoint.configuration or of_folder
    if not name:
        raise ModelError(f"nothing in {source.folder} tells its configuration; give it with --configuration 3d_fullres")
    return read_plans(source.folder, name, source.labels)


def _require_same(first: NnunetCheckpoint, other: NnunetCheckpoint, path: Path) -> None:
    if (first.trainer, first.configuration, first.mirror_axes) != (
        other.trainer,
        other.configuration,
        other.mirror_axes,
    ):
        raise ModelError(f"{path} was trained in another way than the first fold: they are no folds of one model")


def _weights(checkpoint: NnunetCheckpoint, planned: PlannedStep, path: Path) -> dict[str, Tensor]:
    try:
        return network_state(checkpoint.state, planned.unet)
    except ValueError as error:
        raise ModelError(f"{path.parent.name}/{path.name} is refused: {error}") from error
