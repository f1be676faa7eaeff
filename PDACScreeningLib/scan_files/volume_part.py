"""Reading the part of a volume file that is not 0, a slab at a time, so that a program can do other things between.

A result's files lie on the grid of the CT, and little of them is not background.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.byte_stream import read_planes
from PDACScreeningLib.scan_files.file_header import read_header
from PDACScreeningLib.scan_files.header_geometry import header_geometry
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.part import VolumePart

MOST_LAYERS = 2  # of our own files
VOXELS_AT_ONCE = 12_000_000  # of float32, zeros for the most part: about 80 ms


@dataclass(frozen=True, eq=False)
class ReadPart:
    """The part that is not 0, and the digest of the whole volume as `voxels_sha256` has it."""

    part: VolumePart[Any]
    voxels_sha256: str


def reading_part(
    path: Path, values_of: Callable[[NDArray[Any]], NDArray[Any]], *, layer: int = 0
) -> Generator[None, None, ReadPart]:
    """Read a file; after every slab the caller has a turn. values_of: what a stored (y, x) plane means.

    layer: of a file with several numbers per voxel, which of them. Raises InputRejected for a damaged file, and what
    `values_of` raises.
    """
    header, _ = read_header(path, most_layers=MOST_LAYERS)
    if layer >= header.components:
        raise InputRejected(f"{path.name} has no layer {layer}")
    geometry, digest = header_geometry(header).geometry, hashlib.sha256()
    found: list[tuple[Box, NDArray[Any]]] = []
    planes_at_once = max(1, VOXELS_AT_ONCE // (header.shape[1] * header.shape[2]))
    dtype = None
    for z, stored in enumerate(read_planes(header)):
        plane = values_of(stored if header.components == 1 else np.ascontiguousarray(stored[..., layer]))
        dtype = plane.dtype
        digest.update(plane.astype(dtype.newbyteorder("<"), copy=False).tobytes())
        rows = np.flatnonzero(plane.any(axis=1))
        if rows.size:
            columns = np.flatnonzero(plane.any(axis=0))
            box = Box((z, int(rows[0]), int(columns[0])), (z + 1, int(rows[-1]) + 1, int(columns[-1]) + 1))
            found.append((box, plane[box.slices[1:]].copy()))
        if z % planes_at_once == planes_at_once - 1:
            yield
    return ReadPart(_joined(found, dtype, geometry), digest.hexdigest())


def _joined(found: list[tuple[Box, NDArray[Any]]], dtype: Any, geometry: Geometry) -> VolumePart[Any]:
    if not found:
        return VolumePart.empty(dtype.type, geometry)
    box = found[0][0]
    for other, _ in found:
        box = box.around(other)
    values = np.zeros(box.shape, dtype)
    for own, plane in found:
        values[own.relative_to(box).slices] = plane
    return VolumePart(values, box, geometry)
