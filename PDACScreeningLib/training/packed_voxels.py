"""Voxels of a case in compressed chunks: a random patch costs a few chunks, and no file stays open (ADR 0036).

`<id>.hu.b2nd` (int16) and `<id>.labels.b2nd` (uint8) hold the part of the working grid around the body;
`<id>.places.b2nd` (n, 3) int16 says where the pancreas and then the tumor voxels are, so that a sampler need not read a
case to find them. The files are Blosc2's; other programs read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.array_errors import DAMAGED_ARRAYS
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.geometry import ZYX
from PDACScreeningLib.volume.label_map import Label

CHUNK, BLOCK = 64, 16  # voxels a side: of what one entry of the file holds, and of what is decompressed at least
_LEVEL = 5  # of LZ4HC
_CHUNK_PLACES, _BLOCK_PLACES = 16384, 2048
_ENDINGS = (".hu.b2nd", ".labels.b2nd", ".places.b2nd")

Kind = TypeVar("Kind", np.int16, np.uint8)


def packed_files(case_id: str) -> tuple[str, str, str]:
    """Names of the files of a case: voxels, labels, places of labels."""
    hu, labels, places = (f"{case_id}{ending}" for ending in _ENDINGS)
    return hu, labels, places


def body_box(hu: NDArray[np.int16], labels: NDArray[np.uint8]) -> Box:
    """The smallest box around the body and every label; what lies outside is air. Raises DataError without a body."""
    box = bounding_box((hu > ScreeningConfig.body_threshold_hu) | (labels != Label.BACKGROUND))
    if box is None:
        raise DataError("no voxel is above -500 HU: there is no body on the scan")
    return box


def only_body(hu: NDArray[np.int16], box: Box) -> NDArray[np.int16]:
    """The voxels as a packed case gives them back: those inside the box, and air around."""
    kept = np.full(hu.shape, AIR_HU, np.int16)
    kept[box.slices] = hu[box.slices]
    return kept


def clipped(hu: NDArray[np.int16], window: tuple[int, int]) -> NDArray[np.int16]:
    """Voxels of the body clipped to a window; what is not body becomes air, so that windows without body stay so."""
    inside = np.clip(hu, *window)
    return np.where(hu > ScreeningConfig.body_threshold_hu, inside, np.int16(AIR_HU))


@dataclass(frozen=True, eq=False)
class PackedArray(Generic[Kind]):
    """Voxels (z, y, x) that are read when asked for: a box by its slices, or all of them by `numpy.asarray`.

    path: file of the voxels inside `box`; outside they are `fill`. A box that sticks out is cut, as numpy does it.
    Reading raises DataError when the file is damaged or the package blosc2 absent.
    """

    path: Path
    shape: ZYX
    box: Box
    fill: Kind
    sha256: str = ""  # of the file; "" is not compared

    def __getitem__(self, part: tuple[slice, slice, slice]) -> NDArray[Kind]:
        """A new array of this part. Raises ValueError for steps."""
        bounds = [own.indices(length) for own, length in zip(part, self.shape, strict=True)]
        if any(step != 1 for _, _, step in bounds):
            raise ValueError("packed voxels are read as boxes, without steps")
        wanted = [(start, max(start, stop)) for start, stop, _ in bounds]
        low = [max(start, first) for (start, _), first in zip(wanted, self.box.start, strict=True)]
        high = [min(stop, last) for (_, stop), last in zip(wanted, self.box.stop, strict=True)]
        if any(first >= last for first, last in zip(low, high, strict=True)):
            return self._filled(wanted)
        stored = tuple(
            slice(first - begin, last - begin) for first, last, begin in zip(low, high, self.box.start, strict=True)
        )
        inside: NDArray[Kind] = _read(self.path, self.sha256, self.fill.dtype, self.box.shape, stored)
        if [last - first for first, last in zip(low, high, strict=True)] == [stop - start for start, stop in wanted]:
            return inside
        found = self._filled(wanted)
        at = (slice(first - start, last - start) for first, last, (start, _) in zip(low, high, wanted, strict=True))
        found[tuple(at)] = inside
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All voxels."""
        whole = self[(slice(None), slice(None), slice(None))]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def _filled(self, wanted: Iterable[tuple[int, int]]) -> NDArray[Kind]:
        return np.full([stop - start for start, stop in wanted], self.fill, self.fill.dtype)


@dataclass(frozen=True, eq=False)
class PackedPlaces:
    """Places (z, y, x) of the voxels of one label, in reading order; entry i is read when asked for."""

    path: Path
    first: int  # of the places in the file
    count: int
    of: int  # places in the file
    sha256: str = ""  # of the file; "" is not compared

    def __len__(self) -> int:
        return self.count

    def all(self) -> NDArray[np.int16]:
        """(n, 3) every place."""
        rows = slice(self.first, self.first + self.count)
        found: NDArray[np.int16] = _read(self.path, self.sha256, np.dtype(np.int16), (self.of, 3), (rows, slice(0, 3)))
        return found

    def __getitem__(self, index: int) -> NDArray[np.int16]:
        """(3,) the place of one voxel."""
        row = self.first + int(index)
        found: NDArray[np.int16] = _read(
            self.path, self.sha256, np.dtype(np.int16), (self.of, 3), (slice(row, row + 1), slice(0, 3))
        )
        place: NDArray[np.int16] = found[0]
        return place


def write_packed(
    folder: Path, case_id: str, hu: NDArray[np.int16], labels: NDArray[np.uint8], box: Box
) -> tuple[str, ...]:
    """Write the files of a case; returns the SHA-256 of each. hu, labels: (z, y, x) of its grid.

    Raises WriteError; DataError without blosc2.
    """
    places = np.concatenate([np.argwhere(labels == label) for label in (Label.PANCREAS, Label.TUMOR)]).astype(np.int16)
    names = packed_files(case_id)
    chunks, blocks = (tuple(min(side, length) for length in box.shape) for side in (CHUNK, BLOCK))
    for name, array in zip(names, (hu[box.slices], labels[box.slices]), strict=False):
        _write(folder / name, np.ascontiguousarray(array), chunks, blocks)
    rows = max(1, len(places))
    _write(folder / names[2], places, (min(_CHUNK_PLACES, rows), 3), (min(_BLOCK_PLACES, rows), 3))
    return tuple(file_sha256(folder / name) for name in names)


def blosc2() -> ModuleType:
    """The package, imported when it is needed. Raises DataError when it is absent."""
    try:
        import blosc2
    except ImportError as error:
        raise DataError(
            "a compressed store needs the package blosc2: pip install 'pdac-screening[training]', or prepare with "
            "--uncompressed"
        ) from error
    package: ModuleType = blosc2
    return package


def _write(path: Path, array: NDArray[Any], chunks: tuple[int, ...], blocks: tuple[int, ...]) -> None:
    package = blosc2()
    how = {
        "codec": package.Codec.LZ4HC,
        "clevel": _LEVEL,
        "filters": [package.Filter.BITSHUFFLE],
        "nthreads": 1,  # `prepare --jobs` has processes of its own
    }

    def write(temporary: Path) -> None:
        temporary.unlink(missing_ok=True)
        package.asarray(array, chunks=chunks, blocks=blocks, urlpath=str(temporary), mode="w", cparams=how)

    def verify(temporary: Path) -> None:
        if not np.array_equal(package.open(str(temporary), mode="r")[:], array):
            raise ValueError("the array did not read back as written")

    atomic_file.write_file(path, write, verify)


def _read(
    path: Path, sha256: str, dtype: np.dtype[Any], shape: tuple[int, ...], part: tuple[slice, ...]
) -> NDArray[Any]:
    """A part of a file that should hold so many numbers of this type. It is opened for this alone. Raises DataError."""
    if sha256:
        _require_written(path, sha256)
    package = blosc2()
    try:
        file = package.open(str(path), mode="r", mmap_mode="r", dparams={"nthreads": 1})
        if (tuple(file.shape), file.dtype) != (shape, dtype):
            raise DataError(f"{path} holds {file.shape} of {file.dtype}, its index says {shape} of {dtype}")
        found: NDArray[Any] = file[part]
    except DAMAGED_ARRAYS as error:
        raise DataError(f"{path} cannot be read: {error}; prepare the store again") from error
    return found


def _require_written(path: Path, sha256: str) -> None:
    """Raise DataError unless a file is the one that was written: blosc2 keeps no checksum, and some damage kills it."""
    try:
        found = path.stat()
        digest = _digest(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; prepare the store again") from error
    if digest != sha256:
        raise DataError(f"{path} is damaged: it is not the file that its index names; prepare the store again")


@cache
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    """Read once by a process, and again when the file changes."""
    return file_sha256(path)
