"""The header of a MetaImage file (.mha, or .mhd with its data beside it): lines `Key = value`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import ImageHeader
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
_LAST_LINE = re.compile(rb"^ElementDataFile[ \t]*=[ \t]*([^\r\n]*)\r?\n?", re.MULTILINE)


def is_metaimage(start: bytes) -> bool:
    """Whether the first bytes of a file are a MetaImage header."""
    return re.match(rb"(ObjectType|NDims|Comment|ObjectSubType)[ \t]*=", start) is not None


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
    return ImageHeader(
        kind="MetaImage",
        name=name,
        sizes=_integers(name, fields, "DimSize"),
        components=_integers(name, {"ElementNumberOfChannels": "1"} | fields, "ElementNumberOfChannels")[0],
        stored=_stored(name, fields),
        spacing_mm=_spacing(fields),
        text=start[: last.start()] + b"ElementDataFile = LOCAL\n",
        data_file=path if local else data_file_beside(path, place, name),
        data_offset=offset,
        data_is_beside=not local,
        encoding="zlib" if _true(fields, "CompressedData", default=False) else "raw",
    )


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


def _spacing(fields: dict[str, str]) -> tuple[float, ...]:
    """Spacing as written. An unreadable number becomes NaN, which the check of the claims refuses."""
    written = fields.get("ElementSpacing", fields.get("ElementSize", ""))
    values = []
    for part in written.split():
        try:
            values.append(float(part))
        except ValueError:
            values.append(float("nan"))
    return tuple(values)
