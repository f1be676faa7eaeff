"""An nnU-Net folder becomes a model folder: safetensors, plain JSON, card and license. Nothing is downloaded."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.model_description import DESCRIPTION, ModelDescription, sealed
from PDACScreeningLib.network.nnunet_card import nnunet_card
from PDACScreeningLib.network.nnunet_folder import KeepWeights, ReadStep, StepSource, read_step
from PDACScreeningLib.network.nnunet_model import CoarseStep, NnunetModel
from PDACScreeningLib.network.nnunet_weights import require_weights
from PDACScreeningLib.network.weights_file import write_weights
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.volume.geometry import XYZ

CARD, LICENSE = "MODEL_CARD.md", "LICENSE.txt"
NOTICE = (
    "imported nnU-Net: what it was trained on and how often it errs is the word of its authors, and this project has "
    "not measured it"
)


@dataclass(frozen=True)
class ImportOrder:
    """What to import, under which name, and what the user says of it."""

    name: str
    fine: StepSource
    license: str
    source: str
    coarse: StepSource | None = None
    coarse_spacing_mm_xyz: XYZ | None = None
    margin_mm_xyz: XYZ = (0.0, 0.0, 0.0)
    trained_on: str = ""  # "": what dataset.json says
    min_tumor_voxels: int = DecisionRule.min_tumor_voxels  # K, on the grid of the model
    published_score: float | None = None
    published_words: str = ""
    recipe: str = ""


def import_nnunet(order: ImportOrder, folder: Path, on_progress: OnProgress = ignore_progress) -> ModelDescription:
    """Write the model folder, `model.json` last: an import that was cut short leaves no model.

    Raises UsageError when there is a model already, ModelError when a file is refused, WriteError.
    """
    if (folder / DESCRIPTION).exists():
        raise UsageError(f"{folder} holds a model already; choose another --name or --output")
    coarse = None if order.coarse is None else read_step(order.coarse, _keep(folder, "coarse", on_progress))
    fine = read_step(order.fine, _keep(folder, "fine", on_progress))
    model = _model(order, fine, coarse)
    description = ModelDescription(
        name=order.name,
        trained_on=order.trained_on or f"{fine.step.dataset or 'an unnamed data set'}, as its plans.json says",
        is_demo=False,
        config=_config(order),
        weights_sha256=digest_of_files(model),
        notice=NOTICE,
        engine="nnunet-v2",
        nnunet=model,
    )
    description = sealed(description)
    atomic_file.write_text(folder / LICENSE, order.license.rstrip() + "\n")
    atomic_file.write_text(folder / CARD, nnunet_card(description))
    atomic_file.write_json(folder / DESCRIPTION, to_plain(description))
    return description


def write_anew(source: Path, description: ModelDescription, folder: Path) -> ModelDescription:
    """An imported model under another description, also in its own folder; weights and license stay what they are.

    Returns the description with the digest of its content. Raises ModelError when a file of the source is missing or
    damaged, WriteError.
    """
    model = description.nnunet
    if model is None:
        raise ValueError("only an imported nnU-Net can be written anew so")
    require_weights(source, model)
    if folder.resolve() != source.resolve():
        for name, sha256 in model.files.items():
            _copy(source / name, folder / name, sha256)
        atomic_file.write_text(folder / LICENSE, model.license.rstrip() + "\n")
    description = sealed(description)
    atomic_file.write_text(folder / CARD, nnunet_card(description))
    atomic_file.write_json(folder / DESCRIPTION, to_plain(description))
    return description


def _copy(source: Path, target: Path, sha256: str) -> None:
    def verify(path: Path) -> None:
        if file_sha256(path) != sha256:
            raise ValueError("the file did not read back as it is in the model")

    atomic_file.write_file(target, lambda path: _copy_content(source, path), verify)


def _copy_content(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)


def _config(order: ImportOrder) -> ScreeningConfig:
    """What is done with the answer: as for every model, on the scan's own voxels, where nnU-Net gives it."""
    try:
        decision = DecisionRule(min_tumor_voxels=order.min_tumor_voxels)
        return replace(ScreeningConfig(), working_spacing_mm=None, decision=decision)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _model(order: ImportOrder, fine: ReadStep, coarse: ReadStep | None) -> NnunetModel:
    steps = [fine] if coarse is None else [coarse, fine]
    try:
        return NnunetModel(
            fine=fine.step,
            license=order.license,
            source=order.source,
            imported_sha256={place: digest for step in steps for place, digest in step.imported_sha256.items()},
            coarse=_coarse(order, coarse),
            published_score=order.published_score,
            published_words=order.published_words,
            parameters=sum(step.parameters for step in steps),
            recipe=order.recipe,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _coarse(order: ImportOrder, coarse: ReadStep | None) -> CoarseStep | None:
    return None if coarse is None else CoarseStep(coarse.step, order.coarse_spacing_mm_xyz, order.margin_mm_xyz)


def _keep(folder: Path, step: str, on_progress: OnProgress) -> KeepWeights:
    """Writes each fold into a file of its own, so that only one is ever in memory."""
    done = 0

    def keep(fold: str, tensors: dict[str, Tensor]) -> tuple[str, str]:
        nonlocal done
        on_progress(Progress(f"importing the {step} step", done, done + 1))
        path = write_weights(tensors, folder / f"{step}.fold_{fold}.safetensors")
        done += 1
        on_progress(Progress(f"importing the {step} step", done, done))
        return path.name, file_sha256(path)

    return keep


def digest_of_files(model: NnunetModel) -> str:
    """One SHA-256 for all weights of a model: of the digests of its files."""
    return hashlib.sha256(json.dumps(model.files, sort_keys=True).encode()).hexdigest()
