"""A phantom as files: `ct.nii.gz`, `labels.nii.gz` and, last of all, `phantom.json`: with it, a case is finished."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from PDACScreeningLib.atomic_file import write_json
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.phantom.generator import Phantom, generate
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.scan_files.image_io import write_volume
from PDACScreeningLib.strict_json import read_json

CT_NAME = "ct.nii.gz"
LABELS_NAME = "labels.nii.gz"
JSON_NAME = "phantom.json"


def write_phantom(spec: PhantomSpec, folder: Path, on_progress: OnProgress = ignore_progress) -> Phantom:
    """Generate a phantom and write its three files into `folder`, which is created.

    Raises DataError when its grid misses the pancreas, or the tumor that was asked for; WriteError.
    """
    on_progress(Progress("phantom", 0, 2))
    phantom = generate(spec)
    _require_target(phantom)
    on_progress(Progress("phantom", 1, 2))
    save_phantom(phantom, folder)
    on_progress(Progress("phantom", 2, 2))
    return phantom


def _require_target(phantom: Phantom) -> None:
    """What is called a tumor, or a normal pancreas, must show one."""
    wants_tumor = phantom.specification.tumor is not None
    if phantom.facts.tumor_voxels if wants_tumor else phantom.facts.pancreas_voxels:
        return
    extent = " x ".join(f"{length:g}" for length in phantom.ct.geometry.extent_mm)
    raise DataError(
        f"phantom {phantom.specification.seed}: its grid of {extent} mm holds no voxel of the "
        f"{'tumor' if wants_tumor else 'pancreas'}; ask for more or larger voxels"
    )


def save_phantom(phantom: Phantom, folder: Path) -> None:
    """Write the three files of a finished phantom. Equal phantoms give equal bytes. Raises WriteError."""
    (folder / JSON_NAME).unlink(missing_ok=True)  # from here on the folder holds no finished case
    write_volume(phantom.ct.hu, phantom.ct.geometry, folder / CT_NAME)
    write_volume(phantom.labels.labels, phantom.labels.geometry, folder / LABELS_NAME)
    write_json(folder / JSON_NAME, phantom_json(phantom))


def phantom_json(phantom: Phantom) -> dict[str, Any]:
    """What was asked for and what came out, as plain data."""
    return {"specification": phantom.specification.to_json(), "facts": asdict(phantom.facts)}


def is_finished(spec: PhantomSpec, folder: Path) -> bool:
    """Whether `folder` holds the finished phantom of exactly this specification."""
    names = (CT_NAME, LABELS_NAME, JSON_NAME)
    if not all((folder / name).is_file() for name in names):
        return False
    try:
        content = read_json(folder / JSON_NAME)
        return PhantomSpec.from_json(content["specification"]) == spec
    except (ValueError, KeyError, TypeError):
        return False
