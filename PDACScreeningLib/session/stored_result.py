"""A result folder read back: the same answer that was written. There is no other reader of a result folder."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import InputRejected, ResultError
from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.segmentation_file import structures_in
from PDACScreeningLib.scan_files.volume_part import ReadPart, reading_part
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.screening_result import SCHEMA_VERSION, InputFacts, Screening
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.result_folder import (
    ANATOMY,
    KNOWN_FILES,
    LABELS,
    NETWORK_LABELS,
    SCREENING,
    TUMOR_PROBABILITY,
)
from PDACScreeningLib.session.result_place import ResultPlace
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.volume.anatomy import AnatomyPart, Structure
from PDACScreeningLib.volume.arrays import LABELS_ZYX, PROBABILITY_ZYX
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.label_mapping import OWN_LABELS
from PDACScreeningLib.volume.part import VolumePart

_AGAIN = "screen the scan again"
_FOREIGN = "it was edited, or belongs to another run or scan"


@dataclass(frozen=True, eq=False)
class StoredResult:
    """What a result folder holds; None where the outcome has none. Of the voxels only the part that is not 0.

    labels: values of Label. network_labels: what each network alone segmented; results of older versions have none.
    anatomy: vessels and ducts, of a segmentation that tells them.
    """

    screening: Screening
    labels: VolumePart[np.uint8] | None = None
    tumor_probability: VolumePart[np.float32] | None = None
    network_labels: NetworkLabels | None = None
    anatomy: AnatomyPart | None = None


def read_result(folder: str | Path) -> Answer:
    """The answer of a result folder: values, labels and probability; the CT is not stored with a result.

    Every file must be the one that screening.json was written with, and lie on the grid of the scan it names. An
    outcome without labels gives an answer without them. A result of the older file format, which names no files, has a
    warning that says so. Raises ResultError when a file is missing, damaged, foreign or of an unknown version.
    """
    stored = read_parts(folder)
    labels = stored.labels
    return Answer(
        stored.screening,
        label_map=None if labels is None else LabelMap(labels.whole(), labels.geometry),
        probability=stored.tumor_probability,
        network_labels=stored.network_labels,
        anatomy=None if stored.anatomy is None else stored.anatomy.whole(),
    )


def read_parts(folder: str | Path) -> StoredResult:
    """`read_result` without the voxels that are 0. Raises ResultError as that does."""
    steps = reading(folder)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            stored: StoredResult = end.value
            return stored


def reading(folder: str | Path) -> Generator[None, None, StoredResult]:
    """`read_parts` in steps of about a tenth of a second, between which a program can do other things."""
    place = Path(folder)
    screening = read_screening(place)
    try:
        read = {}
        for name, values_of in _FILES.items():
            if (place / name).exists():
                read[name] = yield from reading_part(place / name, values_of)
        looked_at = structures_in(place / LABELS) if LABELS in read else None
        if looked_at is not None:
            read[ANATOMY] = yield from reading_part(place / LABELS, _structures, layer=1)
    except InputRejected as error:
        raise ResultError(f"a file of the result cannot be read: {error}; {_AGAIN}") from error
    _require_one_grid(screening, read)
    digests = {name: part.voxels_sha256 for name, part in read.items()}
    if screening.schema_version == SCHEMA_VERSION and digests != screening.result_voxels_sha256:
        raise ResultError(f"labels or tumor probability do not have the voxels that {SCREENING} names; {_AGAIN}")
    parts = {name: part.part for name, part in read.items()}
    networks = parts.get(NETWORK_LABELS)
    anatomy = None if looked_at is None else _anatomy(parts[ANATOMY], looked_at)
    return StoredResult(
        screening,
        parts.get(LABELS),
        parts.get(TUMOR_PROBABILITY),
        _network_labels(screening, networks) if networks is not None else None,
        anatomy,
    )


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


def _require_one_grid(screening: Screening, read: dict[str, ReadPart]) -> None:
    """Raise ResultError unless all voxels lie on the grid of the scan."""
    labels = read.get(LABELS)
    if labels is not None and screening.input is not None and not _lies_on(labels.part.geometry, screening.input):
        raise ResultError(f"{LABELS} lies on another grid than the scan of {SCREENING}; {_AGAIN}")
    for name, other in read.items():
        if labels is None or other.part.geometry.shape != labels.part.geometry.shape:
            raise ResultError(f"{name} and the labels of the result lie on different grids; {_AGAIN}")


def _network_labels(screening: Screening, packed: VolumePart[Any]) -> NetworkLabels:
    """In the order of the networks' evidence."""
    try:
        return NetworkLabels(tuple(scale.title for scale in screening.scales), packed)
    except ValueError as error:
        raise ResultError(f"{NETWORK_LABELS} does not fit {SCREENING}: {error}; {_AGAIN}") from error


def _anatomy(part: VolumePart[np.uint8], looked_at: tuple[Structure, ...]) -> AnatomyPart:
    try:
        return AnatomyPart(part, looked_at)
    except ValueError as error:
        raise ResultError(f"{LABELS} does not fit its own header: {error}; {_AGAIN}") from error


def _lies_on(geometry: Geometry, facts: InputFacts) -> bool:
    try:
        return geometry.is_close(Geometry(facts.shape_zyx, facts.spacing_mm_xyz, facts.origin_lps_mm, facts.direction))
    except ValueError:  # the facts are those of no grid
        return False


def _labels(plane: NDArray[Any]) -> LABELS_ZYX:
    try:
        return OWN_LABELS.apply(plane)
    except ValueError as error:
        raise InputRejected(f"{LABELS} holds {error}; it should hold {OWN_LABELS}") from error


def _probability(plane: NDArray[Any]) -> PROBABILITY_ZYX:
    values: PROBABILITY_ZYX = plane.astype(np.float32, copy=False)
    if not (values.min() >= 0 and values.max() <= 1):  # also where one is undefined
        raise InputRejected("the tumor probability holds values outside 0 to 1")
    return values


def _structures(plane: NDArray[Any]) -> LABELS_ZYX:
    if plane.dtype != np.uint8:
        raise InputRejected(f"{LABELS} should hold bytes, not {plane.dtype}")
    return plane


def _packed(plane: NDArray[Any]) -> NDArray[Any]:
    if plane.dtype.kind != "u":
        raise InputRejected(f"{NETWORK_LABELS} should hold whole numbers, not {plane.dtype}")
    return plane.astype(plane.dtype.newbyteorder("="), copy=False)


_FILES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    LABELS: _labels,
    TUMOR_PROBABILITY: _probability,
    NETWORK_LABELS: _packed,
}
