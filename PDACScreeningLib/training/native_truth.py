"""The truth of a case on the scan's own grid, kept beside the working grid so that DSC can be measured there too."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from PDACScreeningLib import atomic_file
from PDACScreeningLib.array_errors import DAMAGED_ARRAYS, numpy_kept_quiet
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import LabelMap

NATIVE = ".native.npz"  # after the name of the case


def write_native_truth(folder: Path, case_id: str, truth: LabelMap) -> str:
    """Write the labels and their grid, compressed; returns the digest of the file. Raises WriteError."""
    geometry, buffer = truth.geometry, io.BytesIO()
    np.savez_compressed(
        buffer,
        labels=truth.labels,
        spacing_mm=np.array(geometry.spacing_mm),
        origin_mm=np.array(geometry.origin_mm),
        direction=np.array(geometry.direction),
    )
    atomic_file.write_bytes(folder / f"{case_id}{NATIVE}", buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def read_native_truth(path: Path, sha256: str) -> LabelMap:
    """What `write_native_truth` wrote. Raises DataError when it is missing or another file."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(f"{path} is not the file that the store describes; prepare the store again")
        with numpy_kept_quiet(), np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            labels = arrays["labels"]
            spacing, origin, direction = (
                tuple(arrays[name].ravel().tolist()) for name in ("spacing_mm", "origin_mm", "direction")
            )
        return LabelMap(labels, Geometry(labels.shape, spacing, origin, direction))
    except DAMAGED_ARRAYS as error:
        raise DataError(f"{path} cannot be read: {error}; prepare the store again") from error
