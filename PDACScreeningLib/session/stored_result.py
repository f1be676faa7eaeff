"""A result folder read back: the same answer that was written. There is no other reader of a result folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import InputRejected, ResultError
from PDACScreeningLib.report.segmentation_file import read_segmentation_file
from PDACScreeningLib.scan_files.image_io import read_volume
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.screening_result import SCHEMA_VERSION, InputFacts, Screening
from PDACScreeningLib.session.answer import Answer, bound
from PDACScreeningLib.session.result_folder import KNOWN_FILES, LABELS, SCREENING, TUMOR_PROBABILITY
from PDACScreeningLib.session.result_place import ResultPlace
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.volume.arrays import PROBABILITY_ZYX
from PDACScreeningLib.volume.geometry import Geometry

_AGAIN = "screen the scan again"
_FOREIGN = "it was edited, or belongs to another run or scan"


def read_result(folder: str | Path) -> Answer:
    """The answer of a result folder: values, labels and probability; the CT is not stored with a result.

    Every file must be the one that screening.json was written with, and lie on the grid of the scan it names. An
    outcome without labels gives an answer without them. A result of the older file format, which names no files, has a
    warning that says so. Raises ResultError when a file is missing, damaged, foreign or of an unknown version.
    """
    place = Path(folder)
    screening = read_screening(place)
    try:
        labels, anatomy = read_segmentation_file(place / LABELS) if (place / LABELS).exists() else (None, None)
        probability = _read_probability(place / TUMOR_PROBABILITY)
    except InputRejected as error:
        raise ResultError(f"a file of the result cannot be read: {error}; {_AGAIN}") from error
    if labels is not None and screening.input is not None and not _lies_on(labels.geometry, screening.input):
        raise ResultError(f"{LABELS} lies on another grid than the scan of {SCREENING}; {_AGAIN}")
    if probability is not None and (labels is None or probability.shape != labels.geometry.shape):
        raise ResultError(f"labels and tumor probability of the result lie on different grids; {_AGAIN}")
    answer = Answer(screening, label_map=labels, tumor_probability=probability, anatomy=anatomy)
    if screening.schema_version == SCHEMA_VERSION and bound(answer).screening != screening:
        raise ResultError(f"labels or tumor probability do not have the voxels that {SCREENING} names; {_AGAIN}")
    return answer


def read_screening(folder: Path) -> Screening:
    """The values of a result folder, whose files are those it was written with. Raises ResultError as `read_result`."""
    path = folder / SCREENING
    try:
        screening = from_json(read_json(path))
    except FileNotFoundError as error:
        if ResultPlace(folder).was_interrupted:
            raise ResultError(
                "the run that wrote here was ended while it put its result into place; nothing is lost, and the next "
                "run into this folder puts it right"
            ) from error
        raise ResultError(f"the folder holds no result: {SCREENING} is missing") from error
    except (OSError, ValueError) as error:
        raise ResultError(f"{SCREENING} cannot be read: {error}; {_AGAIN}") from error
    if screening.schema_version == SCHEMA_VERSION:
        _require_own_files(folder, screening)
    return screening


def _require_own_files(folder: Path, screening: Screening) -> None:
    """Raise ResultError unless the other files are exactly those that screening.json was written with."""
    for name in KNOWN_FILES[:-1]:
        path, written = folder / name, screening.files_sha256.get(name)
        try:
            found = file_sha256(path) if path.exists() else None
        except OSError as error:
            raise ResultError(f"{name} cannot be read: {error.strerror}; {_AGAIN}") from error
        if found is None and written is not None:
            raise ResultError(f"{name} of the result is missing; {_AGAIN}")
        if found != written:
            raise ResultError(f"{name} is not the file that {SCREENING} was written with: {_FOREIGN}; {_AGAIN}")


def _lies_on(geometry: Geometry, facts: InputFacts) -> bool:
    try:
        return geometry.is_close(Geometry(facts.shape_zyx, facts.spacing_mm_xyz, facts.origin_lps_mm, facts.direction))
    except ValueError:  # the facts are those of no grid
        return False


def _read_probability(path: Path) -> PROBABILITY_ZYX | None:
    if not path.exists():
        return None
    voxels, _ = read_volume(path)
    if not bool((voxels >= 0).all() and (voxels <= 1).all()):
        raise InputRejected("the tumor probability holds values outside 0 to 1")
    return voxels.astype(np.float32)
