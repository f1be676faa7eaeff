"""Opening a DICOM file: its slices, and whether their pixels are all there.

GDCM drops a truncated file from a series in silence, and the volume that is left looks fine. So every file is looked
at here by itself. A file that is damaged becomes a value, not an error: it may belong to another series.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.file_header import is_dicom
from PDACScreeningLib.scan_files.header_fields import ALL_TAGS, frame_headers, slice_header, text
from PDACScreeningLib.scan_files.pixel_place import find_pixels
from PDACScreeningLib.scan_files.slice_header import CT_IMAGE, MULTI_FRAME_CT, SliceHeader

DIRECTORY = "1.2.840.10008.1.3.10"  # DICOMDIR, which belongs to no series
_SERIES_UID = 0x0020000E
_INCOMPLETE = "a DICOM file is incomplete: copy the series again"
_START_BYTES = 132
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # of a file without preamble; little and big endian
_LONGEST_FIRST_ELEMENT = 64

# Odd values that matter are checked by us; what pydicom says of the others is not for the reader's terminal.
logging.getLogger("pydicom").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class DamagedFile:
    """A DICOM file that cannot be used. series_uid: empty when the damage comes before it."""

    path: Path
    sentence: str
    series_uid: str = ""


def lacks_preamble(start: bytes) -> bool:
    """Whether a file begins with the first element of a DICOM file or data set, without the 132 bytes before it."""
    if start[:2] not in _FIRST_GROUPS or len(start) < 8:
        return False
    element, kind, length = start[2:4], start[4:6], start[4:8]
    implicit = int.from_bytes(length, "little") <= _LONGEST_FIRST_ELEMENT
    return element in (b"\0\0", b"\1\0", b"\5\0", b"\x08\0", b"\x10\0", b"\x16\0") and (kind.isalpha() or implicit)


def read_slices(path: Path) -> list[SliceHeader] | DamagedFile | None:
    """The slices of a DICOM file, one or many; None when the file is not DICOM at all.

    Objects that are no CT are told as one header. Raises InputRejected when the file cannot be opened.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = file.read(_START_BYTES)
            if not is_dicom(start) and not lacks_preamble(start):
                return None
            file.seek(0)
            return _slices(path, file)
    except OSError as error:
        raise InputRejected(
            f"a file of the folder cannot be read ({error.strerror}): check it and its permissions", details=path.name
        ) from error


def _slices(path: Path, file: IO[bytes]) -> list[SliceHeader] | DamagedFile:
    series_uid = ""
    try:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=ALL_TAGS, force=True)
        if max(dataset.keys(), default=0) > _SERIES_UID:  # else it may be cut off itself
            series_uid = text(dataset, "SeriesInstanceUID")
        sop_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", "")) or text(dataset, "SOPClassUID")
        if not sop_class:
            return DamagedFile(path, _INCOMPLETE, series_uid)
        return _of_class(path, file, dataset, sop_class, series_uid)
    except OSError:
        raise
    except (ValueError, TypeError) as error:  # pydicom turns texts into numbers when they are asked for
        if str(error).startswith(("could not convert string", "invalid literal")):
            sentence = "a number in the header of a DICOM file cannot be read: export the series again"
            return DamagedFile(path, sentence, series_uid)
        return DamagedFile(path, "a DICOM file is damaged: copy the series again", series_uid)
    except Exception:  # a damaged file can make the parser raise anything
        return DamagedFile(path, "a DICOM file is damaged: copy the series again", series_uid)


def _of_class(
    path: Path, file: IO[bytes], dataset: FileDataset, sop_class: str, series_uid: str
) -> list[SliceHeader] | DamagedFile:
    is_ct = sop_class == CT_IMAGE or sop_class in MULTI_FRAME_CT
    if sop_class != DIRECTORY and not is_ct and not text(dataset, "Modality"):
        return DamagedFile(path, _INCOMPLETE, series_uid)
    if is_ct and _ends_here(file) and dataset.file_meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return DamagedFile(path, _INCOMPLETE, series_uid)
    if not is_ct:
        return [slice_header(path, dataset, sop_class, None)]
    pixels = find_pixels(file, dataset) if dataset.get("Rows") is not None else None
    if pixels is None:
        return DamagedFile(path, _INCOMPLETE, series_uid)
    if sop_class in MULTI_FRAME_CT:
        return frame_headers(path, dataset, sop_class, pixels)
    return [slice_header(path, dataset, sop_class, pixels)]


def _ends_here(file: IO[bytes]) -> bool:
    """Whether nothing follows the header, not even the beginning of pixels."""
    here = file.tell()
    ends = not file.read(1)
    file.seek(here)
    return ends


def read_identifiers(path: Path) -> dict[str, str]:
    """Who and when, for a report that was asked to tell. Only fields that are filled."""
    keywords = {
        "patient_id": "PatientID",
        "patient_name": "PatientName",
        "study_date": "StudyDate",
        "accession_number": "AccessionNumber",
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags: list[Any] = list(keywords.values())
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags, force=True)
            found = {name: text(dataset, keyword) for name, keyword in keywords.items()}
    except Exception as error:  # a damaged file can make the parser raise anything
        raise InputRejected("a DICOM file is damaged: copy the series again", details=path.name) from error
    return {name: value for name, value in found.items() if value}
