"""The header of a NRRD file (.nrrd, or .nhdr with its data beside it): lines of text up to an empty one."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import ORIENTATION_UNKNOWN, POSITION_UNKNOWN, Encoding, ImageHeader

MAX_HEADER_BYTES = 1 << 20
_DTYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPES = {name: dtype for dtype, names in _DTYPES.items() for name in names.split("|")}
_ENCODINGS: dict[str, Encoding] = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_PLACES = ("data file", "datafile")
_ANATOMICAL = {  # to LPS
    **dict.fromkeys(("left-posterior-superior", "lps"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1.0, -1.0, 1.0)),
}
_SPACES = (*_ANATOMICAL, "scanner-xyz", "3d-right-handed", "3d-left-handed")
_SPATIAL_KINDS = ("domain", "space", "???", "none", "")


def is_nrrd(start: bytes) -> bool:
    """Whether the first bytes of a file are a NRRD header."""
    return start.startswith(b"NRRD000")


def parse(path: Path, start: bytes, name: str) -> ImageHeader:
    """The header of a NRRD file. Raises InputRejected for fields that are missing, impossible or unusual.

    start: at least the whole header, from the beginning of the file. name: of the file, in sentences.
    """
    lines, offset = _lines(name, start)
    fields = _fields(lines)
    encoding = _ENCODINGS.get(fields.get("encoding", "").lower())
    if encoding is None:
        raise InputRejected(f"{name} uses NRRD encoding '{fields.get('encoding', '')}': save it as raw or gzip")
    axes = _axes(name, fields)
    if fields.get("byte skip", "0") != "0" or fields.get("line skip", "0") != "0":
        raise InputRejected(f"{name} is a NRRD file that skips bytes of another file: save it as a plain .nrrd file")
    units = set(re.findall(r'"([^"]*)"', fields.get("space units", "")))
    if units - {"mm", "millimeter", "millimeters", ""}:
        raise InputRejected(f"{name} measures space in {', '.join(sorted(units))}: save it in millimeters")
    space, origin = _space(name, fields), _origin(name, fields)
    beside = next((fields[place] for place in _PLACES if place in fields), None)
    return ImageHeader(
        kind="NRRD",
        name=name,
        sizes=tuple(axis.size for axis in axes if axis.is_spatial),
        components=math.prod(axis.size for axis in axes if not axis.is_spatial),
        stored=_stored(name, fields),
        spacing_mm=tuple(axis.spacing_mm for axis in axes if axis.is_spatial and axis.spacing_mm is not None),
        text=_rewritten([axis for axis in axes if axis.is_spatial], space, origin),
        data_file=path if beside is None else data_file_beside(path, beside, name),
        data_offset=offset if beside is None else 0,
        data_is_beside=beside is not None,
        encoding=encoding,
        warnings=_unknown(axes, space, origin),
        affine_lps=_affine(axes, space, origin),
        components_first=all(axis.is_spatial for axis in axes[-3:]),
        remarks=_remarks(lines),
    )


@dataclass(frozen=True)
class _Axis:
    """One axis of the array. direction: (x, y, z) mm per voxel in the file's space; None where it is silent."""

    size: int
    is_spatial: bool
    direction: tuple[float, ...] | None
    spacing: float | None

    @property
    def spacing_mm(self) -> float | None:
        """Length of the step along the axis."""
        return self.spacing if self.direction is None else float(np.linalg.norm(self.direction))


def data_file_beside(path: Path, named: str, name: str) -> Path:
    """The data file that a header names: a plain name in the header's own folder. Raises InputRejected."""
    named = named.removeprefix("./")
    if Path(named).name != named or "%" in named or named.upper().startswith("LIST"):
        raise InputRejected(f"{name} does not keep its voxels in one file beside it: save it as one .nrrd or .mha")
    if not (path.parent / named).is_file():
        raise InputRejected(f"the data file of {name} is missing: keep both in one folder", details=named)
    return path.parent / named


def _lines(name: str, start: bytes) -> tuple[list[str], int]:
    """The lines of the header, and where the data start."""
    end = re.search(rb"\r?\n\r?\n", start)
    text = start if end is None else start[: end.start()]
    if end is None and b"data file:" not in text.replace(b"datafile:", b"data file:"):
        raise InputRejected(f"the header of {name} is incomplete: copy or download it again")
    return text.decode("utf-8", "replace").splitlines(), 0 if end is None else end.end()


def _fields(lines: list[str]) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in lines[1:] if ":" in line and ":=" not in line and not line.startswith("#"))
    return {key.strip().lower(): value.strip() for key, value in pairs}


def _remarks(lines: list[str]) -> dict[str, str]:
    pairs = (line.split(":=", 1) for line in lines[1:] if ":=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def _axes(name: str, fields: dict[str, str]) -> list[_Axis]:
    """All axes, the fastest first. Raises InputRejected when the header contradicts itself or does not parse."""
    try:
        sizes = [int(size) for size in fields["sizes"].split()]
    except (KeyError, ValueError) as error:
        raise InputRejected(f"the header of {name} has no readable sizes: the file is damaged") from error
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * len(sizes)
    directions = re.findall(r"none|\([^)]*\)", fields.get("space directions", "")) or ["none"] * len(sizes)
    spacings = fields.get("spacings", "").split() or [""] * len(sizes)
    if {len(kinds), len(directions), len(spacings)} != {len(sizes)} or fields.get("dimension", "") != str(len(sizes)):
        raise InputRejected(f"the header of {name} contradicts itself about its dimensions: the file is damaged")
    return [
        _Axis(
            size,
            kind in _SPATIAL_KINDS,
            None if direction == "none" else _vector(name, direction),
            _number(spacing) if spacing else None,
        )
        for size, kind, direction, spacing in zip(sizes, kinds, directions, spacings, strict=True)
    ]


def _vector(name: str, text: str) -> tuple[float, ...]:
    """Three finite numbers of "(x,y,z)". Raises InputRejected."""
    inside = re.fullmatch(r"\s*\(([^()]*)\)\s*", text)
    values = tuple(_number(part) for part in inside[1].split(",")) if inside else ()
    if len(values) != 3 or not np.isfinite(values).all():
        raise InputRejected(
            f"the header of {name} has no readable space directions and spacing: the file is damaged, export it again"
        )
    return values


def _space(name: str, fields: dict[str, str]) -> str:
    """The name of the space in which directions are told; empty when the file does not say."""
    space = fields.get("space", "").lower()
    if space and space not in _SPACES:
        raise InputRejected(f"the header of {name} tells directions in a space '{space}', which does not exist")
    return space


def _origin(name: str, fields: dict[str, str]) -> tuple[float, ...] | None:
    return _vector(name, fields["space origin"]) if "space origin" in fields else None


def _unknown(axes: list[_Axis], space: str, origin: tuple[float, ...] | None) -> tuple[str, ...]:
    lies = space in _ANATOMICAL and any(axis.direction is not None for axis in axes)
    return (*(() if lies else (ORIENTATION_UNKNOWN,)), *(() if origin is not None else (POSITION_UNKNOWN,)))


def _affine(axes: list[_Axis], space: str, origin: tuple[float, ...] | None) -> NDArray[np.float64] | None:
    columns = [axis.direction for axis in axes if axis.is_spatial][:3]
    if len(columns) < 3 or any(column is None for column in columns):
        return None
    signs = np.array(_ANATOMICAL.get(space, (1.0, 1.0, 1.0)))[:, None]
    affine: NDArray[np.float64] = np.array([*columns, origin or (0.0, 0.0, 0.0)], np.float64).T * signs
    return affine


def _rewritten(axes: list[_Axis], space: str, origin: tuple[float, ...] | None) -> bytes:
    """A NRRD header with the placement and nothing else: what ITK is shown."""
    axes = axes[:3]
    lines = ["NRRD0004", "type: short", f"dimension: {len(axes)}", "endian: little", "encoding: raw"]
    lines += [f"sizes: {' '.join(str(axis.size) for axis in axes)}"]
    if any(axis.direction is not None for axis in axes):
        lines += [f"space: {space}" if space else "space dimension: 3"]
        vectors = ("none" if axis.direction is None else _written(axis.direction) for axis in axes)
        lines += [f"space directions: {' '.join(vectors)}", f"space origin: {_written(origin or (0.0, 0.0, 0.0))}"]
    elif all(axis.spacing is not None for axis in axes):
        lines += [f"spacings: {' '.join(repr(axis.spacing) for axis in axes)}"]
    return "\n".join([*lines, "", ""]).encode()


def _written(vector: tuple[float, ...]) -> str:
    return f"({','.join(repr(value) for value in vector)})"


def _stored(name: str, fields: dict[str, str]) -> np.dtype[np.generic]:
    kind = _TYPES.get(" ".join(fields.get("type", "").lower().split()))
    if kind is None:
        raise InputRejected(f"{name} stores voxels as '{fields.get('type', '')}', which no CT uses: save it as short")
    if kind[1] != "1" and fields.get("endian") not in ("little", "big"):
        raise InputRejected(f"the header of {name} does not tell the byte order: the file is damaged")
    return np.dtype((">" if fields.get("endian") == "big" else "<") + kind)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
