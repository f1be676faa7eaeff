"""Bytes of image files, complete or not at all.

SimpleITK reads a truncated NIfTI file without an error and fills the rest with 0 HU, which is water. So the length
and the checksum of every stream are checked here, and voxels are taken from the checked bytes.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import Encoding, ImageHeader

_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_MAX_RATIO = 1032  # deflate cannot expand further
_MAX_CT_RATIO = 100  # of a scan with masked air; usual are 2 to 4
_SMALL_BYTES = 1 << 26  # nobody minds these
_CHUNK_BYTES = 1 << 22
_SHORT_TAIL_BYTES = 64  # a line end or the like
_TOLERATED_TAIL_BYTES = 1 << 20  # zeros after the voxels; anything else is voxels that the header leaves out


@contextmanager
def complete_or_rejected(name: str) -> Iterator[None]:
    """Turn every way a stream can be damaged into one sentence. Raises InputRejected."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputRejected(
            f"{name} is damaged or incomplete ({_in_words(error)}): copy or download it again"
        ) from error
    except OSError as error:
        reason = error.strerror or "its compressed data are damaged"
        raise InputRejected(f"{name} cannot be read ({reason}): check the file and its permissions") from error


def is_gzip(path: Path) -> bool:
    """Whether a file is gzip as a whole, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP_MAGIC


def open_file(path: Path, *, decompress: bool) -> IO[bytes]:
    """The bytes of a file, decompressed from gzip if asked for."""
    return cast(IO[bytes], gzip.open(path, "rb")) if decompress else path.open("rb")


def read_planes(header: ImageHeader) -> Iterator[NDArray[Any]]:
    """The (y, x) planes of a file as stored, one after the other; scaling is not applied. Raises InputRejected.

    Of a file with several numbers per voxel a plane is (y, x, number).
    A stream that ends early, fails its checksum (gzip, zlib, bzip2), or goes on after the last voxel is refused,
    at the latest after the last plane. Memory is taken for one plane at a time.
    """
    name, wanted = header.data_name, header.data_bytes
    planes, rows, columns = header.shape
    with complete_or_rejected(name), open_file(header.data_file, decompress=header.file_is_gzip) as file:
        _refuse_impossible_length(header)
        file.seek(header.data_offset)
        stream = _decoded(file, header.encoding)
        for z in range(planes):
            content = np.empty(rows * columns * header.components * header.stored.itemsize, np.uint8)
            filled = _fill(stream, content)
            if filled < content.size:
                raise InputRejected(
                    f"{name} is incomplete: its header promises {wanted} bytes of voxels, it holds "
                    f"{z * content.size + filled}; copy or download it again"
                )
            plane = content.view(header.stored)
            yield plane.reshape((rows, columns) if header.components == 1 else (rows, columns, header.components))
        _read_to_the_end(stream, name)


def refuse_unlikely_compression(name: str, files: Collection[Path], promised: int) -> None:
    """Refuse a CT that claims far more voxels than its files can hold of measured ones: noise does not compress.

    promised: bytes of voxels that the headers of the files claim.
    """
    packed = sum(file.stat().st_size for file in files)
    if promised > max(_SMALL_BYTES, _MAX_CT_RATIO * packed):
        raise InputRejected(
            f"{name} holds {packed} bytes, but its header promises {promised} bytes of voxels, which no CT is "
            "compressed to: the file is damaged or holds next to nothing, export it again"
        )


def _refuse_impossible_length(header: ImageHeader) -> None:
    """Refuse a header that promises more than the file can hold, before memory is asked for."""
    available = header.data_file.stat().st_size
    if header.encoding == "bzip2":
        return
    if header.file_is_gzip or header.encoding != "raw":
        available *= _DEFLATE_MAX_RATIO
    else:
        available -= header.data_offset
    if header.data_bytes > available:
        raise InputRejected(
            f"{header.data_name} is incomplete: its header promises {header.data_bytes} bytes of voxels, "
            f"the file cannot hold more than {max(0, available)}; copy or download it again"
        )


def _decoded(file: IO[bytes], encoding: Encoding) -> IO[bytes]:
    if encoding == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=file, mode="rb"))
    if encoding == "bzip2":
        return cast(IO[bytes], bz2.BZ2File(file, mode="rb"))
    return cast(IO[bytes], _ZlibStream(file)) if encoding == "zlib" else file


def _fill(stream: IO[bytes], target: NDArray[np.uint8]) -> int:
    filled = 0
    while filled < target.size:
        chunk = stream.read(min(_CHUNK_BYTES, target.size - filled))
        if not chunk:
            break
        target[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
        filled += len(chunk)
    return filled


def _read_to_the_end(stream: IO[bytes], name: str) -> None:
    """Read on to the end: only there are checksums compared, and a header that promises too little is found out."""
    extra = 0
    while chunk := stream.read(_CHUNK_BYTES):
        extra += len(chunk)
        if extra > _TOLERATED_TAIL_BYTES or (extra > _SHORT_TAIL_BYTES and chunk.strip(b"\0")):
            raise InputRejected(
                f"{name} goes on after the voxels its header promises: the header is damaged, export it again"
            )


def _in_words(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "its compressed data end early"
    return "its compressed data fail the check" if "CRC" in str(error) else "its compressed data are damaged"


class _ZlibStream:
    """A readable zlib stream; zlib alone offers none. Raises EOFError when it ends early."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decompressor = zlib.decompressobj()

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; empty at the end, after the checksum was compared."""
        while not self._decompressor.eof:
            packed = self._decompressor.unconsumed_tail or self._file.read(_CHUNK_BYTES)
            content = self._decompressor.decompress(packed, count)
            if content:
                return content
            if not packed:
                raise EOFError("zlib stream ended early")
        return b""
