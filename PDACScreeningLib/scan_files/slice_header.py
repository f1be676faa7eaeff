"""One DICOM file: what its header says, and whether its pixels are all there.

GDCM drops a truncated file from a series in silence, and the volume that is left looks fine. So every file is looked
at here by itself.
"""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.file_header import is_dicom

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2.1"
_DIRECTORY = "1.2.840.10008.1.3.10"  # DICOMDIR, which belongs to no series
_START_BYTES = 132
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _LAST_ITEM = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_TAGS = [
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesDescription"),
    *("PatientName", "PatientID", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber", "SliceThickness"),
    *("ImagePositionPatient", "ImageOrientationPatient", "SamplesPerPixel", "PhotometricInterpretation"),
    *("NumberOfFrames", "Rows", "Columns", "PixelSpacing", "BitsAllocated", "RescaleSlope", "RescaleIntercept"),
]


@dataclass(frozen=True)
class SliceHeader:
    """The part of a DICOM header that a CT volume rests on. What the file does not say is None or empty."""

    path: Path
    series_uid: str
    series_number: str
    description: str  # of the series; empty when it mentions the patient
    modality: str
    sop_class: str
    sop_instance: str
    acquisition: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    gray: bool  # one MONOCHROME2 number per pixel
    position_mm: tuple[float, ...] | None  # (x, y, z) LPS of the first pixel
    orientation: tuple[float, ...] | None  # directions of a row and of a column, LPS
    pixel_spacing_mm: tuple[float, ...] | None  # between rows (y), between columns (x)
    thickness_mm: float | None
    rescaled: bool  # has slope and intercept

    @property
    def is_ct(self) -> bool:
        """Whether this is a classic CT slice, and no scout view."""
        return self.modality == "CT" and self.sop_class == CT_IMAGE and "LOCALIZER" not in self.image_type


def read_slice_header(path: Path) -> SliceHeader | None:
    """The header of a DICOM file; None when the file is not DICOM at all. Raises InputRejected for a damaged one."""
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd values; those that matter are checked by us
            if not is_dicom(file.read(_START_BYTES)):
                return None
            file.seek(0)
            dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_TAGS)
            header = _header(path, dataset)
            complete = header.sop_class != CT_IMAGE or _pixels_are_complete(file, dataset)
    except OSError as error:
        raise InputRejected(
            f"a file of the folder cannot be read ({error.strerror}): check it and its permissions", details=path.name
        ) from error
    except Exception as error:  # a damaged file can make the parser raise anything
        raise InputRejected("a DICOM file is damaged: copy the series again", details=path.name) from error
    cut_early = header.sop_class != _DIRECTORY and not (header.sop_class and header.modality)
    if not complete or cut_early:
        raise InputRejected("a DICOM file is incomplete: copy the series again", details=path.name)
    return header


def _header(path: Path, dataset: FileDataset) -> SliceHeader:
    image_type = dataset.get("ImageType") or ()
    return SliceHeader(
        path=path,
        series_uid=_text(dataset, "SeriesInstanceUID"),
        series_number=_text(dataset, "SeriesNumber"),
        description=_description(dataset),
        modality=_text(dataset, "Modality"),
        sop_class=str(dataset.file_meta.get("MediaStorageSOPClassUID", "")) or _text(dataset, "SOPClassUID"),
        sop_instance=_text(dataset, "SOPInstanceUID"),
        acquisition=_text(dataset, "AcquisitionNumber"),
        image_type=(image_type,) if isinstance(image_type, str) else tuple(map(str, image_type)),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        gray=dataset.get("SamplesPerPixel", 1) == 1 and dataset.get("PhotometricInterpretation") == "MONOCHROME2",
        position_mm=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6),
        pixel_spacing_mm=_numbers(dataset, "PixelSpacing", 2),
        thickness_mm=float(dataset.SliceThickness) if dataset.get("SliceThickness") else None,
        rescaled=bool(dataset.get("RescaleSlope")) and dataset.get("RescaleIntercept") is not None,
    )


def _text(dataset: FileDataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()


def _numbers(dataset: FileDataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """`count` finite numbers, or None."""
    value = dataset.get(keyword)
    numbers = () if value is None or isinstance(value, str | float) else tuple(float(number) for number in value)
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _description(dataset: FileDataset) -> str:
    """The series description for messages, unless a part of the patient's name or number is in it."""
    description = "".join(letter for letter in _text(dataset, "SeriesDescription")[:40] if letter.isprintable())
    personal = f"{_text(dataset, 'PatientName')} {_text(dataset, 'PatientID')}".replace("^", " ").lower().split()
    mentioned = any(len(part) > 2 and part in description.lower() for part in personal)
    return "" if mentioned else description


def _pixels_are_complete(file: IO[bytes], dataset: FileDataset) -> bool:
    """Whether the pixel data, at which pydicom stopped reading, reach their announced end within the file."""
    if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return True  # the whole stream was inflated to get here, and its end was reached
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    head = file.read(8 if implicit else 12)
    if len(head) < (8 if implicit else 12) or struct.unpack(f"{order}2H", head[:4]) != (0x7FE0, 0x0010):
        return False
    length = struct.unpack(f"{order}I", head[-4:])[0]
    if length == _UNDEFINED_LENGTH:
        return _fragments_are_complete(file, order)
    wanted: int = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    return bool(wanted <= length <= _bytes_left(file))


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


def read_identifiers(path: Path) -> dict[str, str]:
    """Who and when, for a report that was asked to tell. Only fields that are filled."""
    keywords = {
        "patient_id": "PatientID",
        "patient_name": "PatientName",
        "study_date": "StudyDate",
        "accession_number": "AccessionNumber",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset: Any = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(keywords.values()))
    found = {name: _text(dataset, keyword) for name, keyword in keywords.items()}
    return {name: value for name, value in found.items() if value}
