"""Readings on disk, one by one as they are made, so that an interrupted evaluation goes on where it stopped.

`cases/<name>.json` holds the result, `cases/<name>.labels.npz` the label map of the networks together. Each is bound to
what it was made of: the model's weights and configuration, the case's voxels and the settings.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.array_errors import DAMAGED_ARRAYS, numpy_kept_quiet
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.evaluation.case_result import CaseResult, Reading
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.strict_json import read_json

FORMAT_VERSION = 2  # 2: score without ties, traits, own grid, digest of the labels


@dataclass(frozen=True)
class StoredReading:
    """The content of `cases/<name>.json`. made_of: digest of everything that decides the result."""

    made_of: str
    result: CaseResult
    labels_sha256: str  # of the voxels beside it
    format_version: int = FORMAT_VERSION


def digest(**parts: Any) -> str:
    """SHA-256 of named plain values or dataclasses; equal values give equal digests."""
    return hashlib.sha256(json.dumps(to_plain(parts), sort_keys=True).encode()).hexdigest()


def write_reading(folder: Path, name: str, made_of: str, reading: Reading) -> None:
    """Write both files, the result last: a reading whose result is there is complete. Raises WriteError."""
    _write_labels(folder / f"{name}.labels.npz", reading.labels)
    atomic_file.write_json(
        folder / f"{name}.json", to_plain(StoredReading(made_of, reading.result, voxels_sha256(reading.labels)))
    )


def read_result(folder: Path, name: str, made_of: str) -> CaseResult | None:
    """The result of a reading; None when it has not been made.

    Raises DataError when it is damaged, or was made with other weights, voxels or settings.
    """
    stored = _stored(folder, name)
    if stored is None:
        return None
    if stored.made_of != made_of:
        raise DataError(
            f"{folder / name}.json was made with other weights, cases or settings; choose another --output, or delete "
            f"{folder}"
        )
    return stored.result


def read_labels(folder: Path, name: str) -> NDArray[np.uint8]:
    """(z, y, x) label map of a reading that has been made. Raises DataError when it is not the one of its result."""
    path = folder / f"{name}.labels.npz"
    again = f"delete {name}.json, and the case is read again"
    try:
        with path.open("rb") as file, numpy_kept_quiet(), np.load(file, allow_pickle=False) as content:
            labels: NDArray[np.uint8] = content["labels"]
    except DAMAGED_ARRAYS as error:
        raise DataError(f"{path} cannot be used: {error}; {again}") from error
    stored = _stored(folder, name)
    if stored is None or voxels_sha256(labels) != stored.labels_sha256:
        raise DataError(f"{path} is not the label map that {name}.json was written with; {again}")
    return labels


def _stored(folder: Path, name: str) -> StoredReading | None:
    path = folder / f"{name}.json"
    try:
        content = read_json(path)
        if isinstance(content, dict) and content.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:
            raise ValueError("it was written by another version")
        return from_plain(StoredReading, content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be used: {error}; delete it, and the case is read again") from error


def _write_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, labels=labels)

    def verify(temporary: Path) -> None:
        with np.load(temporary, allow_pickle=False) as content:
            if not np.array_equal(content["labels"], labels):
                raise ValueError("the label map did not read back as written")

    atomic_file.write_file(path, write, verify)
