"""The header of a MetaImage file (.mha, or .mhd with its data beside it): lines `Key = value`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import ORIENTATION_UNKNOWN, POSITION_UNKNOWN, ImageHeader
from PDACScreeningLib.scan_files.nrrd_header import data_file_beside

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_LAST_LINE = re.compile(rb"^ElementDataFile[ \t]*=[ \t]*([^\r\n]*)\r?\n?", re.MULTILINE)


def is_metaimage(start: bytes) -> bool:
    """Whether the first bytes of a file are a MetaImage header."""
    return re.match(rb"\w+[ \t]*=", start) is not None and _LAST_LINE.search(start) is not None


def parse(path: Path, start: bytes, name: str) -> ImageHeader:
    """The header of a MetaImage file. Raises InputRejected for fields that are missing, impossible or unusual.

    start: at least the whole header, from the beginning of the file. name: of the file, in sentences.
    """
    last = _LAST_LINE.search(start)
    if last is None:
        raise InputRejected(f"the header of {name} is incomplete: copy or download it again")
    fields = _fields(start[: last.start()])
    place = last.group(1).decode("utf-8", "replace").strip()
    local = place.upper() == "LOCAL"
    if not _true(fields, "BinaryData", default=True):
        raise InputRejected(f"{name} stores its voxels as text: save it as a binary .mha")
    offset = last.end() if local else 0
    if fields.get("HeaderSize", "0") not in ("0", str(offset)):
        raise InputRejected(f"{name} is a MetaImage that skips bytes of its data: save it as a plain .mha file")
    placement = _placement(name, fields)
    return ImageHeader(
        kind="MetaImage",
        name=name,
        sizes=_integers(name, fields, "DimSize"),
        components=_integers(name, {"ElementNumberOfChannels": "1"} | fields, "ElementNumberOfChannels")[0],
        stored=_stored(name, fields),
        spacing_mm=placement.spacing_mm,
        text=placement.text(_integers(name, fields, "DimSize")),
        data_file=path if local else data_file_beside(path, place, name),
        data_offset=offset,
        data_is_beside=not local,
        encoding="zlib" if _true(fields, "CompressedData", default=False) else "raw",
        warnings=placement.warnings,
        affine_lps=placement.affine_lps,
    )


@dataclass(frozen=True)
class _Placement:
    """Numbers of the header, (x, y, z). matrix: row k is the direction of axis k; None where the file is silent."""

    spacing_mm: tuple[float, ...]
    matrix: tuple[float, ...] | None
    origin_mm: tuple[float, ...] | None

    @property
    def warnings(self) -> tuple[str, ...]:
        unknown = () if self.matrix is not None else (ORIENTATION_UNKNOWN,)
        return unknown if self.origin_mm is not None else (*unknown, POSITION_UNKNOWN)

    @property
    def affine_lps(self) -> NDArray[np.float64] | None:
        if self.matrix is None or len(self.spacing_mm) < 3:
            return None
        columns = np.array(self.matrix).reshape(3, 3).T * self.spacing_mm[:3]
        return np.column_stack([columns, self.origin_mm or (0.0, 0.0, 0.0)])

    def text(self, sizes: tuple[int, ...]) -> bytes:
        """A MetaImage header with the placement and nothing else."""
        lines = {
            "ObjectType": "Image",
            "NDims": "3",
            "DimSize": " ".join(str(size) for size in (*sizes, 1, 1, 1)[:3]),
            "TransformMatrix": " ".join(map(repr, self.matrix or _IDENTITY)),
            "Offset": " ".join(map(repr, self.origin_mm or (0.0, 0.0, 0.0))),
            "ElementSpacing": " ".join(map(repr, (*self.spacing_mm, 1.0, 1.0, 1.0)[:3])),
            "ElementType": "MET_SHORT",
            "ElementDataFile": "LOCAL",
        }
        return "".join(f"{key} = {value}\n" for key, value in lines.items()).encode()


def _placement(name: str, fields: dict[str, str]) -> _Placement:
    """Spacing, matrix and origin of the first three axes. Raises InputRejected for numbers that do not parse."""
    dimensions = len(_integers(name, fields, "DimSize"))
    if _integers(name, fields, "NDims") != (dimensions,):
        raise InputRejected(f"the header of {name} contradicts itself about its dimensions: the file is damaged")
    spacing = _numbers(name, fields, ("ElementSpacing",), dimensions)
    if spacing is None:
        spacing = _numbers(name, fields, ("ElementSize",), dimensions) or ()
    matrix = _numbers(name, fields, ("TransformMatrix", "Rotation", "Orientation"), dimensions**2)
    origin = _numbers(name, fields, ("Offset", "Position", "Origin"), dimensions)
    if matrix is not None:
        matrix = tuple(float(value) for value in np.reshape(matrix, (dimensions, dimensions))[:3, :3].ravel())
    return _Placement(spacing, matrix, None if origin is None else origin[:3])


def _numbers(name: str, fields: dict[str, str], keys: tuple[str, ...], count: int) -> tuple[float, ...] | None:
    """`count` finite numbers, written under one of several names; None when there is none of them."""
    written = {fields[key] for key in keys if key in fields}
    if not written:
        return None
    try:
        (one,) = written
        values = tuple(float(part) for part in one.split())
    except ValueError:
        values = ()
    if len(values) != count or not np.isfinite(values).all():
        raise InputRejected(
            f"the header of {name} has no readable {keys[0]} ({count} finite numbers are expected): the file is damaged"
        )
    return values


def _fields(text: bytes) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.decode("utf-8", "replace").splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _true(fields: dict[str, str], key: str, *, default: bool) -> bool:
    return fields[key].lower().startswith("t") if key in fields else default


def _integers(name: str, fields: dict[str, str], key: str) -> tuple[int, ...]:
    values = fields.get(key, "").split()
    if not values or not all(value.isdecimal() for value in values):
        raise InputRejected(f"the header of {name} has no readable {key}: the file is damaged")
    return tuple(int(value) for value in values)


def _stored(name: str, fields: dict[str, str]) -> np.dtype[np.generic]:
    kind = _TYPES.get(fields.get("ElementType", ""))
    if kind is None:
        found = fields.get("ElementType", "")
        raise InputRejected(f"{name} stores voxels as '{found}', which no CT uses: save it as MET_SHORT")
    big = _true(fields, "BinaryDataByteOrderMSB", default=_true(fields, "ElementByteOrderMSB", default=False))
    return np.dtype((">" if big else "<") + kind)
