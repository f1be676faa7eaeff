"""Write voxels with named header fields as NRRD, and believe it only after reading it back.

The header is the one that ITK writes. The voxels go to the disk slice by slice and are compared slice by slice, so that
a large volume is never held a second time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.byte_stream import read_planes
from PDACScreeningLib.scan_files.file_header import read_header
from PDACScreeningLib.scan_files.volume_part import MOST_LAYERS
from PDACScreeningLib.volume.geometry import Direction, Geometry

_TYPES = {"u1": "unsigned char", "u2": "unsigned short", "u4": "unsigned int", "f4": "float"}
_GZIP = 31  # "window bits" of zlib: a gzip header without time or name
# Our voxels are long runs of one value, or float32 whose last digits repeat nothing: to look for runs alone finds as
# much as the search that ITK makes, in half the time (ADR 0046).
_LEVEL, _STRATEGY, _MEMORY = 1, zlib.Z_RLE, 9


def write_nrrd(planes: Iterable[NDArray[Any]], geometry: Geometry, fields: Mapping[str, str], path: Path) -> Path:
    """Write the (y, x) planes of a volume on its grid, compressed, in LPS millimeters.

    planes: a (z, y, x) array of uint8, uint16, uint32 or float32, or anything that gives its planes whenever it is
    iterated over. (y, x, layer) is written as several numbers per voxel, as 3D Slicer does for segments that overlap.
    fields: header fields beside the geometry (`key:=value`); one line of ASCII each, a foreign character becomes "?".
    The file is read back before it takes its place: voxels, grid and fields must be the same.
    Raises ValueError for a field with a line break, WriteError when the file cannot be written or differs, or when the
    planes are not those of the grid.
    """
    lines = {key: _one_line(key, value) for key, value in fields.items()}
    header = _header(next(iter(planes)), geometry, lines)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(header)
            file.writelines(_compressed(_of_grid(planes, geometry)))

    def verify(temporary: Path) -> None:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(temporary))
        reader.ReadImageInformation()
        _require(_geometry_of(reader).is_close(geometry), "grid")
        _require(all(reader.GetMetaData(key) == line for key, line in lines.items()), "header")
        _require(_same_voxels(temporary, planes), "voxels")

    return atomic_file.write_file(path, write, verify)


def _header(plane: NDArray[Any], geometry: Geometry, lines: Mapping[str, str]) -> bytes:
    """The whole text before the voxels. plane: the first one."""
    layers = plane.shape[2:]
    sizes = [*layers, *geometry.shape[::-1]]
    directions = [f"({_numbers(axis)})" for axis in (geometry.axes * geometry.spacing_mm).T]
    text = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {_TYPES[plane.dtype.str[1:]]}",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {' '.join([*('none' for _ in layers), *directions])}",
        f"kinds: {' '.join([*('vector' for _ in layers), 'domain', 'domain', 'domain'])}",
        *(["endian: little"] if plane.itemsize > 1 else []),
        "encoding: gzip",
        f"space origin: ({_numbers(geometry.origin_mm)})",
        *(f"{key}:={_escaped(lines[key])}" for key in sorted(lines)),
    ]
    return ("\n".join(text) + "\n\n").encode("ascii")


def _numbers(values: Iterable[float]) -> str:
    return ",".join(repr(float(value) + 0.0) for value in values)


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\")  # NRRD takes a backslash for the beginning of a line break


def _compressed(planes: Iterable[NDArray[Any]]) -> Iterator[bytes]:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP, _MEMORY, _STRATEGY)
    for plane in planes:
        yield packer.compress(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).data)
    yield packer.flush()


def _of_grid(planes: Iterable[NDArray[Any]], geometry: Geometry) -> Iterator[NDArray[Any]]:
    """The planes, which must be those of the grid. Raises ValueError."""
    count = 0
    for plane in planes:
        if plane.shape[:2] != geometry.shape[1:]:
            raise ValueError(f"a plane is {plane.shape}, its grid says {geometry.shape}")
        yield plane
        count += 1
    if count != geometry.shape[0]:
        raise ValueError(f"{count} planes for a grid of {geometry.shape}")


def _same_voxels(path: Path, planes: Iterable[NDArray[Any]]) -> bool:
    try:
        header, _ = read_header(path, most_layers=MOST_LAYERS)
        return all(np.array_equal(found, own) for found, own in zip(read_planes(header), planes, strict=True))
    except InputRejected as error:
        raise ValueError(str(error)) from error


def _one_line(key: str, value: str) -> str:
    line = value.encode("ascii", "replace").decode("ascii")
    if "\n" in line or "\r" in line:
        raise ValueError(f"header field {key} must be one line, got {value!r}")
    return line


def _geometry_of(reader: sitk.ImageFileReader) -> Geometry:
    x, y, z = reader.GetSize()
    direction: Direction = reader.GetDirection()
    return Geometry((z, y, x), reader.GetSpacing(), reader.GetOrigin(), direction)


def _require(same: bool, what: str) -> None:
    if not same:
        raise ValueError(f"the {what} did not read back as written")
