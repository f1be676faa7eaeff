"""Pixels of a DICOM slice as numbers, as they are stored.

Uncompressed pixels are cut out of the file. Compressed ones are decoded by GDCM, which is shown a file that we wrote
around them: no header of a stranger reaches it, and what it prints does not reach the terminal.
"""

from __future__ import annotations

import os
import struct
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import UID, RLELossless, generate_uid

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.hounsfield import scaled
from PDACScreeningLib.scan_files.pixel_place import PixelPlace
from PDACScreeningLib.scan_files.slice_header import CT_IMAGE, SliceHeader

_WHOLE_BYTES = (8, 16, 32)
_RLE_HEADER_BYTES = 64
_KEPT_FILES = 1  # frames of one multi-frame file follow each other


class PixelReader:
    """Reads slices one after the other; keeps the file of the last one, whose next frame is often wanted next."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._content = b""

    def hounsfield_plane(self, header: SliceHeader) -> NDArray[Any]:
        """(y, x) values after the slice's own rescaling; padding becomes air. Raises InputRejected."""
        stored = self.stored_plane(header)
        slope, intercept = header.rescale.slope, header.rescale.intercept
        slope, intercept = 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
        values = scaled(stored, slope, intercept)
        padding = header.pixels.padding if header.pixels is not None else None
        if padding is None:
            return values
        return np.where((stored >= padding[0]) & (stored <= padding[1]), min(-1024, int(values.min())), values)

    def stored_plane(self, header: SliceHeader) -> NDArray[np.int64]:
        """(y, x) whole numbers as stored. Raises InputRejected when they cannot be decoded."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self._stored_plane(header)
        except OSError as error:
            raise InputRejected(
                f"a file of the series cannot be read ({error.strerror}): check it and its permissions",
                details=header.path.name,
            ) from error
        except Exception as error:  # a damaged stream can make the decoders raise anything
            raise InputRejected(
                "the pixels of a slice cannot be decoded: copy the series again, or convert it to an uncompressed one",
                details=header.path.name,
            ) from error

    def _stored_plane(self, header: SliceHeader) -> NDArray[np.int64]:
        place = header.pixels
        if place is None:
            raise ValueError("no pixels")
        content = self._content_of(header.path, place)
        if place.length is None:
            return self._decoded(header, place, get_frame(content, header.frame, number_of_frames=place.frames))
        return _uncompressed(content, header, place)

    def _content_of(self, path: Path, place: PixelPlace) -> bytes:
        """The bytes of the pixel data element."""
        if path == self._path:
            return self._content
        if place.offset is None:
            content = bytes(pydicom.dcmread(path, force=True).PixelData)
        else:
            with path.open("rb") as file:
                file.seek(place.offset)
                content = file.read() if place.length is None else file.read(place.length)
        self._path, self._content = path, content
        return content

    def _decoded(self, header: SliceHeader, place: PixelPlace, frame: bytes) -> NDArray[np.int64]:
        if place.syntax == RLELossless:
            _require_segments(frame, place.bits_allocated // 8)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "slice.dcm"
            _bare_slice(header, place, frame).save_as(path, enforce_file_format=True)
            reader = sitk.ImageFileReader()
            reader.SetImageIO("GDCMImageIO")
            reader.SetFileName(str(path))
            with _standard_error_closed():
                pixels = sitk.GetArrayFromImage(reader.Execute())
        return np.asarray(pixels, np.int64).reshape(header.rows, header.columns)


def _uncompressed(content: bytes, header: SliceHeader, place: PixelPlace) -> NDArray[np.int64]:
    """Bits `high_bit` and the `bits_stored - 1` below it; what lies outside (overlays) is left out."""
    if place.bits_allocated not in _WHOLE_BYTES or not 1 <= place.bits_stored <= place.high_bit + 1:
        raise ValueError(f"{place.bits_stored} of {place.bits_allocated} bits, the highest is {place.high_bit}")
    width, count = place.bits_allocated // 8, header.rows * header.columns
    order = ">" if place.big_endian else "<"
    raw = np.frombuffer(content, f"{order}u{width}", count, header.frame * count * width)
    values = (raw.astype(np.int64) >> (place.high_bit + 1 - place.bits_stored)) & ((1 << place.bits_stored) - 1)
    if place.signed:
        values = np.where(values >> (place.bits_stored - 1), values - (1 << place.bits_stored), values)
    return values.reshape(header.rows, header.columns)


def _require_segments(frame: bytes, count: int) -> None:
    """Raise ValueError unless an RLE frame has so many segments, as PS3.5 Annex G says; GDCM divides by what it finds.

    A frame begins with 16 numbers of 4 bytes: how many segments (one a byte of a pixel), and where each begins.
    """
    if len(frame) < _RLE_HEADER_BYTES:
        raise ValueError("an RLE frame without its header")
    found, *starts = struct.unpack("<16I", frame[:_RLE_HEADER_BYTES])
    used = starts[:count]
    if found != count or used[:1] != [_RLE_HEADER_BYTES] or used != sorted(set(used)) or used[-1] >= len(frame):
        raise ValueError(f"an RLE frame of {found} segments from {used} on")


def _bare_slice(header: SliceHeader, place: PixelPlace, frame: bytes) -> Dataset:
    """A slice that says how to decode its pixels and nothing else."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(place.syntax)
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = UID(CT_IMAGE), generate_uid(), "CT"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = header.rows, header.columns
    dataset.BitsAllocated, dataset.BitsStored = place.bits_allocated, place.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = place.high_bit, int(place.signed)
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


@contextmanager
def _standard_error_closed() -> Iterator[None]:
    """GDCM and its codecs write to the process's error stream, past Python. A program with windows may have none."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
