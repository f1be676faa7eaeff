"""A result folder read back: the same answer that was written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from PDACScreeningLib.errors import InputRejected, ResultError
from PDACScreeningLib.scan_files.image_io import read_label_map, read_volume
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.result_folder import LABELS, SCREENING, TUMOR_PROBABILITY
from PDACScreeningLib.volume.arrays import PROBABILITY_ZYX


def read_result(folder: str | Path) -> Answer:
    """The answer of a result folder: values, labels and probability; the CT is not stored with a result.

    An outcome without labels gives an answer without them. Raises ResultError when a file is missing, damaged, of an
    unknown version or of another grid than the rest.
    """
    place = Path(folder)
    screening = read_screening(place)
    try:
        labels = read_label_map(place / LABELS) if (place / LABELS).exists() else None
        probability = _read_probability(place / TUMOR_PROBABILITY)
    except InputRejected as error:
        raise ResultError(f"a file of the result cannot be read: {error}; screen the scan again") from error
    if probability is not None and (labels is None or probability.shape != labels.geometry.shape):
        raise ResultError("labels and tumor probability of the result lie on different grids; screen the scan again")
    return Answer(screening, label_map=labels, tumor_probability=probability)


def read_screening(folder: Path) -> Screening:
    """The values of a result folder. Raises ResultError when they are not there or cannot be read."""
    path = folder / SCREENING
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ResultError(f"the folder holds no result: {SCREENING} is missing") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{SCREENING} cannot be read: {error}; screen the scan again") from error


def _read_probability(path: Path) -> PROBABILITY_ZYX | None:
    if not path.exists():
        return None
    voxels, _ = read_volume(path)
    if not bool((voxels >= 0).all() and (voxels <= 1).all()):
        raise InputRejected("the tumor probability holds values outside 0 to 1")
    return voxels.astype(np.float32)
