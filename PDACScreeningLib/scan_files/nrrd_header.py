"""The header of a NRRD file (.nrrd, or .nhdr with its data beside it): lines of text up to an empty one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import Encoding, ImageHeader

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
    sizes, components = _sizes(name, fields)
    stored = _stored(name, fields)
    encoding = _ENCODINGS.get(fields.get("encoding", ""))
    if encoding is None:
        raise InputRejected(f"{name} uses NRRD encoding '{fields.get('encoding', '')}': save it as raw or gzip")
    if fields.get("byte skip", "0") != "0" or fields.get("line skip", "0") != "0":
        raise InputRejected(f"{name} is a NRRD file that skips bytes of another file: save it as a plain .nrrd file")
    units = set(re.findall(r'"([^"]*)"', fields.get("space units", "")))
    if units - {"mm", "millimeter", "millimeters", ""}:
        raise InputRejected(f"{name} measures space in {', '.join(sorted(units))}: save it in millimeters")
    beside = next((fields[place] for place in _PLACES if place in fields), None)
    return ImageHeader(
        kind="NRRD",
        name=name,
        sizes=sizes,
        components=components,
        stored=stored,
        spacing_mm=_spacing(fields),
        text=_attached(lines),
        data_file=path if beside is None else data_file_beside(path, beside, name),
        data_offset=offset if beside is None else 0,
        data_is_beside=beside is not None,
        encoding=encoding,
    )


def data_file_beside(path: Path, named: str, name: str) -> Path:
    """The data file that a header names: a plain name in the header's own folder. Raises InputRejected."""
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


def _attached(lines: list[str]) -> bytes:
    """The header as if its data followed, so that ITK needs no data file to read the geometry."""
    kept = [line for line in lines if not line.lower().startswith(_PLACES)]
    return "\n".join([*kept, "", ""]).encode()


def _sizes(name: str, fields: dict[str, str]) -> tuple[tuple[int, ...], int]:
    """Lengths of the spatial axes, and the numbers per voxel (an axis whose kind is not spatial)."""
    try:
        sizes = [int(size) for size in fields["sizes"].split()]
    except (KeyError, ValueError) as error:
        raise InputRejected(f"the header of {name} has no readable sizes: the file is damaged") from error
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * len(sizes)
    if len(kinds) != len(sizes) or fields.get("dimension", "") != str(len(sizes)):
        raise InputRejected(f"the header of {name} contradicts itself about its dimensions: the file is damaged")
    components = 1
    for size, kind in zip(sizes, kinds, strict=True):
        components *= 1 if kind in _SPATIAL_KINDS else size
    spatial = tuple(size for size, kind in zip(sizes, kinds, strict=True) if kind in _SPATIAL_KINDS)
    return spatial, components


def _stored(name: str, fields: dict[str, str]) -> np.dtype[np.generic]:
    kind = _TYPES.get(" ".join(fields.get("type", "").lower().split()))
    if kind is None:
        raise InputRejected(f"{name} stores voxels as '{fields.get('type', '')}', which no CT uses: save it as short")
    if kind[1] != "1" and fields.get("endian") not in ("little", "big"):
        raise InputRejected(f"the header of {name} does not tell the byte order: the file is damaged")
    return np.dtype((">" if fields.get("endian") == "big" else "<") + kind)


def _spacing(fields: dict[str, str]) -> tuple[float, ...]:
    """Spacing as written. An unreadable number becomes NaN, which the check of the claims refuses."""
    if "space directions" in fields:
        vectors = re.findall(r"\(([^)]*)\)", fields["space directions"])
        return tuple(float(np.linalg.norm([_number(part) for part in vector.split(",")])) for vector in vectors)
    return tuple(_number(part) for part in fields.get("spacings", "").split())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
