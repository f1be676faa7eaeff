"""Readings on disk, one by one as they are made, so that an interrupted evaluation goes on where it stopped.

`cases/<name>.json` holds the result, `cases/<name>.labels.npz` the label map of the networks together. Each is bound to
what it was made of: the model's weights and configuration, the case's voxels and the settings.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.evaluation.case_result import CaseResult, Reading
from PDACScreeningLib.plain_data import from_plain, to_plain

FORMAT_VERSION = 2  # 2: score without ties, traits, own grid


@dataclass(frozen=True)
class StoredReading:
    """The content of `cases/<name>.json`. made_of: digest of everything that decides the result."""

    made_of: str
    result: CaseResult
    format_version: int = FORMAT_VERSION


def digest(**parts: Any) -> str:
    """SHA-256 of named plain values or dataclasses; equal values give equal digests."""
    return hashlib.sha256(json.dumps(to_plain(parts), sort_keys=True).encode()).hexdigest()


def write_reading(folder: Path, name: str, made_of: str, reading: Reading) -> None:
    """Write both files, the result last: a reading whose result is there is complete. Raises WriteError."""
    _write_labels(folder / f"{name}.labels.npz", reading.labels)
    atomic_file.write_json(folder / f"{name}.json", to_plain(StoredReading(made_of, reading.result)))


def read_result(folder: Path, name: str, made_of: str) -> CaseResult | None:
    """The result of a reading; None when it has not been made.

    Raises DataError when it is damaged, or was made with other weights, voxels or settings.
    """
    path = folder / f"{name}.json"
    try:
        stored = from_plain(StoredReading, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be used: {error}; delete it, and the case is read again") from error
    if stored.made_of != made_of or stored.format_version != FORMAT_VERSION:
        raise DataError(
            f"{path} was made with other weights, cases or settings; choose another --output, or delete {folder}"
        )
    return stored.result


def read_labels(folder: Path, name: str) -> NDArray[np.uint8]:
    """(z, y, x) label map of a reading that has been made. Raises DataError."""
    path = folder / f"{name}.labels.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            labels: NDArray[np.uint8] = content["labels"]
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be used: {error}; delete {name}.json, and the case is read again") from error
    return labels


def _write_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, labels=labels)

    def verify(temporary: Path) -> None:
        with np.load(temporary, allow_pickle=False) as content:
            if not np.array_equal(content["labels"], labels):
                raise ValueError("the label map did not read back as written")

    atomic_file.write_file(path, write, verify)
