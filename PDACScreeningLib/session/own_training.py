"""Training on arrays or files that a notebook has, without a data set: store, recipe and run from one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PDACScreeningLib.datasets.dataset import DataCase, Dataset, DatasetFacts
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.scan_files.image_io import write_volume
from PDACScreeningLib.session.result_folder import open_result_folder
from PDACScreeningLib.training.preparation import prepare
from PDACScreeningLib.training.training_session import TrainingEnd, TrainRequest, run_training
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import LabelMap

STORE, VOXELS = "store", "cases"
OWN_CASES = DatasetFacts("own", "cases given in Python", "unknown", "Own cases.", "1 pancreas, 2 tumor", ())

Scan = str | Path | CTVolume
Truth = str | Path | LabelMap


def train(
    cases: Iterable[tuple[Scan, Truth]],
    *,
    patch_size: int,
    output: str | Path,
    working_spacing_mm: float | None = 1.0,
    on_progress: OnProgress = ignore_progress,
    **options: Any,
) -> TrainingEnd:
    """Train one of the networks on scans with their label maps, and return where the training stands (section 2.2).

    cases: pairs of a scan (file, folder of DICOM slices or CTVolume) and its label map (file or LabelMap), one pair a
    patient; checked like those of `pdac-screening prepare` and stored in `output`/store. options: fields of
    TrainRequest, which are the options of `pdac-screening train`: recipe, iterations, base_width, seed, device ...
    The same call goes on with a training that was stopped. Raises DataError when no case can be used, UsageError,
    TypeError for an unknown option; passes on what `on_progress` raises.
    """
    folder = open_result_folder(Path(output))
    request = replace(TrainRequest(store=folder / STORE, output=folder, patch_size=patch_size), **options)
    found = tuple(_case(number, *pair, folder) for number, pair in enumerate(cases, start=1))
    prepare([Dataset(OWN_CASES, found)], request.store, working_spacing_mm, on_progress=on_progress)
    return run_training(request, on_progress=on_progress)


def _case(number: int, scan: Scan, truth: Truth, folder: Path) -> DataCase:
    """A case whose arrays, if it came as arrays, lie in files beside the store."""
    name = f"case-{number:04}"
    image = _stored(scan.hu, scan, folder, f"{name}-ct") if isinstance(scan, CTVolume) else Path(scan)
    labels = _stored(truth.labels, truth, folder, f"{name}-labels") if isinstance(truth, LabelMap) else Path(truth)
    return DataCase(name, name, image, labels, dataset=OWN_CASES.name)


def _stored(array: Any, volume: CTVolume | LabelMap, folder: Path, name: str) -> Path:
    (folder / VOXELS).mkdir(exist_ok=True)
    return write_volume(array, volume.geometry, folder / VOXELS / f"{name}.nii.gz")
