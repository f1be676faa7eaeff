"""Write voxels with named header fields as NRRD, and believe it only after reading it back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.volume.geometry import Direction, Geometry


def write_nrrd(voxels: NDArray[Any], geometry: Geometry, fields: Mapping[str, str], path: Path) -> Path:
    """Write a (z, y, x) array of uint8 or float32 on its grid, compressed, in LPS millimeters.

    (z, y, x, layer) is written as several numbers per voxel, as 3D Slicer does for segments that overlap.
    fields: header fields beside the geometry (`key:=value`); one line of ASCII each, a foreign character becomes "?".
    The file is read back before it takes its place: voxels, grid and fields must be the same.
    Raises ValueError for a field with a line break, WriteError when the file cannot be written or differs.
    """
    lines = {key: _one_line(key, value) for key, value in fields.items()}

    def write(temporary: Path) -> None:
        image = sitk.GetImageFromArray(voxels, isVector=voxels.ndim == 4)
        image.SetSpacing(geometry.spacing_mm)
        image.SetOrigin(geometry.origin_mm)
        image.SetDirection(geometry.direction)
        for key, line in lines.items():
            image.SetMetaData(key, line)
        sitk.WriteImage(image, str(temporary), useCompression=True)

    def verify(temporary: Path) -> None:
        image = sitk.ReadImage(str(temporary))
        _require(np.array_equal(sitk.GetArrayViewFromImage(image), voxels), "voxels")
        _require(_geometry_of(image).is_close(geometry), "grid")
        _require(all(image.GetMetaData(key) == line for key, line in lines.items()), "header")

    return atomic_file.write_file(path, write, verify)


def _one_line(key: str, value: str) -> str:
    line = value.encode("ascii", "replace").decode("ascii")
    if "\n" in line or "\r" in line:
        raise ValueError(f"header field {key} must be one line, got {value!r}")
    return line


def _geometry_of(image: sitk.Image) -> Geometry:
    x, y, z = image.GetSize()
    direction: Direction = image.GetDirection()
    return Geometry((z, y, x), image.GetSpacing(), image.GetOrigin(), direction)


def _require(same: bool, what: str) -> None:
    if not same:
        raise ValueError(f"the {what} did not read back as written")
