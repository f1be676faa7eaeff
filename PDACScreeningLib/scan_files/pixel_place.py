"""Where the pixels of a DICOM file lie, whether they are all there, and what they look like as numbers."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, Any

from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _LAST_ITEM = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_PIXEL_DATA = (0x7FE0, 0x0010)
_IMPLICIT_HEAD, _EXPLICIT_HEAD = 8, 12  # bytes of tag, type and length


@dataclass(frozen=True)
class PixelPlace:
    """offset: of the first byte of pixels in the file; None in a deflated file, which has to be inflated first."""

    offset: int | None
    length: int | None  # bytes; None: compressed fragments up to their end mark
    syntax: str
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    padding: tuple[int, int] | None  # stored values that stand for "nothing was measured here", both included

    @property
    def big_endian(self) -> bool:
        """Whether the most significant byte comes first."""
        return self.syntax == ExplicitVRBigEndian


def find_pixels(file: IO[bytes], dataset: FileDataset) -> PixelPlace | None:
    """The pixels at which pydicom stopped reading; None when they do not reach their announced end in the file."""
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    frames = int(dataset.get("NumberOfFrames") or 1)
    wanted = frames * int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    offset: int | None = None
    length: int | None = wanted
    if syntax != DeflatedExplicitVRLittleEndian:  # that was inflated to get here, up to its end
        implicit, little = dataset.original_encoding
        order, size = "<" if little else ">", _IMPLICIT_HEAD if implicit else _EXPLICIT_HEAD
        head = file.read(size)
        if len(head) < size or struct.unpack(f"{order}2H", head[:4]) != _PIXEL_DATA:
            return None
        offset = file.tell()
        length = struct.unpack(f"{order}I", head[-4:])[0]
        if length == _UNDEFINED_LENGTH:
            length = None
            if not _fragments_are_complete(file, order):
                return None
        elif not wanted <= length <= _bytes_left(file):
            return None
    return PixelPlace(
        offset=offset,
        length=length,
        syntax=syntax,
        frames=frames,
        bits_allocated=int(dataset.BitsAllocated),
        bits_stored=int(dataset.get("BitsStored") or dataset.BitsAllocated),
        high_bit=int(dataset.HighBit if dataset.get("HighBit") is not None else dataset.BitsAllocated - 1),
        signed=bool(dataset.get("PixelRepresentation")),
        padding=_padding(dataset),
    )


def _padding(dataset: FileDataset) -> tuple[int, int] | None:
    value: Any = dataset.get("PixelPaddingValue")
    if value is None or value == "":
        return None
    limit: Any = dataset.get("PixelPaddingRangeLimit")
    ends = sorted((int(value), int(value if limit in (None, "") else limit)))
    return ends[0], ends[1]


def _fragments_are_complete(file: IO[bytes], order: str) -> bool:
    """Walk over the fragments of compressed pixels up to their end mark."""
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack(f"{order}2HI", head)
        if (group, element) == _LAST_ITEM:
            return True
        if (group, element) != _ITEM or length > _bytes_left(file):
            return False
        file.seek(length, 1)
    return False


def _bytes_left(file: IO[bytes]) -> int:
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end - here
