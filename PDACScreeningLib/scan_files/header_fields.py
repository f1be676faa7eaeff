"""Elements of a DICOM header -> SliceHeader. Numbers that cannot be read raise ValueError."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileDataset

from PDACScreeningLib.scan_files.pixel_place import PixelPlace
from PDACScreeningLib.scan_files.slice_header import Acquisition, Rescale, SeriesWords, SliceHeader

_FRAME_GROUPS = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
ALL_TAGS: list[Any] = [
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "AcquisitionTime"),
    *("Modality", "SeriesDescription", "ProtocolName", "PatientName", "PatientID", "PatientBirthDate"),
    *("ContrastBolusAgent", "ContrastBolusAgentSequence", "SliceThickness", "KVP", "ConvolutionKernel"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber", "FrameOfReferenceUID"),
    "InstanceNumber",
    *("ImagePositionPatient", "ImageOrientationPatient", "TemporalPositionIdentifier", "SamplesPerPixel"),
    *("PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "LossyImageCompression", *_FRAME_GROUPS),
]
_WITHOUT_CONTRAST = re.compile(
    r"\b(without|w/?o|non?|ohne|sans|sin|senza)[\s_.-]*(iv[\s_.-]*)?(contrast|contraste|kontrast|km|ce|mdc)\b"
    r"|\b(unenhanced|native?|nativ|plain|non[\s_-]?enhanced|noncontrast|nect|ncct)\b",
    re.IGNORECASE,
)
_SHOWN_LETTERS = 40


def slice_header(path: Path, dataset: FileDataset, sop_class: str, pixels: PixelPlace | None) -> SliceHeader:
    """The header of a file that holds one slice."""
    return SliceHeader(
        path=path,
        frame=0,
        series=_series(dataset),
        identity=identity(dataset),
        modality=text(dataset, "Modality"),
        sop_class=sop_class,
        sop_instance=text(dataset, "SOPInstanceUID"),
        acquisition=_acquisition(dataset, dataset.get("ImageType")),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        gray=dataset.get("SamplesPerPixel", 1) == 1 and dataset.get("PhotometricInterpretation") == "MONOCHROME2",
        position_mm=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6),
        pixel_spacing_mm=_numbers(dataset, "PixelSpacing", 2),
        thickness_mm=_number(dataset, "SliceThickness"),
        rescale=_rescale(dataset),
        pixels=pixels,
        lossy=text(dataset, "LossyImageCompression") == "01",
        without_contrast=_says_without_contrast(dataset),
        image_number=text(dataset, "InstanceNumber"),
    )


def frame_headers(path: Path, dataset: FileDataset, sop_class: str, pixels: PixelPlace) -> list[SliceHeader]:
    """One header per frame of an Enhanced or Legacy Converted Enhanced CT (PS3.3 C.7.6.16)."""
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    frames: Sequence[Dataset] = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if len(frames) != pixels.frames:
        raise ValueError(f"{pixels.frames} frames, but functional groups of {len(frames)}")
    whole = slice_header(path, dataset, sop_class, pixels)
    return [_frame(whole, number, _Groups(own, shared), dataset) for number, own in enumerate(frames)]


class _Groups:
    """Functional groups of one frame; what it does not say itself, the shared ones say."""

    def __init__(self, own: Dataset, shared: Dataset) -> None:
        self._own, self._shared = own, shared

    def __getitem__(self, keyword: str) -> Dataset:
        own = _first(self._own, keyword)
        return own if len(own) else _first(self._shared, keyword)


def _frame(whole: SliceHeader, number: int, groups: _Groups, dataset: FileDataset) -> SliceHeader:
    from dataclasses import replace

    measures, content = groups["PixelMeasuresSequence"], groups["FrameContentSequence"]
    image_type = groups["CTImageFrameTypeSequence"].get("FrameType") or dataset.get("ImageType")
    acquisition = replace(
        _acquisition(dataset, image_type),
        number=text(content, "FrameAcquisitionNumber") or whole.acquisition.number,
        temporal_position=text(content, "TemporalPositionIndex"),
        time_s=_seconds(text(content, "FrameAcquisitionDateTime")[8:]),
        kernel=text(groups["CTReconstructionSequence"], "ConvolutionKernel") or whole.acquisition.kernel,
    )
    own_rescale = _rescale(groups["PixelValueTransformationSequence"])
    thickness = _number(measures, "SliceThickness")
    return replace(
        whole,
        frame=number,
        image_number="",
        acquisition=acquisition,
        position_mm=_numbers(groups["PlanePositionSequence"], "ImagePositionPatient", 3) or whole.position_mm,
        orientation=_numbers(groups["PlaneOrientationSequence"], "ImageOrientationPatient", 6) or whole.orientation,
        pixel_spacing_mm=_numbers(measures, "PixelSpacing", 2) or whole.pixel_spacing_mm,
        thickness_mm=whole.thickness_mm if thickness is None else thickness,
        rescale=own_rescale if any(own_rescale.is_told) else whole.rescale,
    )


def text(dataset: Dataset, keyword: str) -> str:
    """A value as text; empty when it is not there."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()


def _first(dataset: Dataset, keyword: str) -> Dataset:
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else Dataset()


def _number(dataset: Dataset, keyword: str) -> float | None:
    """A finite number, or None when there is none. Raises ValueError for a text that is none."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"could not convert string to a finite number: {keyword}")
    return number


def _numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """`count` finite numbers, or None."""
    value = dataset.get(keyword)
    numbers = () if value is None or isinstance(value, str | float) else tuple(float(number) for number in value)
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _rescale(dataset: Dataset) -> Rescale:
    return Rescale(
        _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept"), text(dataset, "RescaleType").upper()
    )


def _series(dataset: Dataset) -> SeriesWords:
    return SeriesWords(
        uid=text(dataset, "SeriesInstanceUID"),
        number=text(dataset, "SeriesNumber"),
        description=_description(dataset),
        date=_shown(text(dataset, "StudyDate")),
        kernel=_shown(text(dataset, "ConvolutionKernel")),
    )


def _acquisition(dataset: Dataset, image_type: Any) -> Acquisition:
    types = (image_type,) if isinstance(image_type, str) else tuple(map(str, image_type or ()))
    return Acquisition(
        number=text(dataset, "AcquisitionNumber"),
        temporal_position=text(dataset, "TemporalPositionIdentifier"),
        time_s=_seconds(text(dataset, "AcquisitionTime")),
        kernel=_shown(text(dataset, "ConvolutionKernel")),
        tube_voltage=text(dataset, "KVP"),
        contrast=str(hash(text(dataset, "ContrastBolusAgent").lower())),
        image_type=types,
    )


def _seconds(time: str) -> float | None:
    """Seconds since midnight of "HHMMSS.FFFFFF"."""
    match = re.match(r"(\d\d)(\d\d)(\d\d(?:\.\d+)?)", time)
    return None if match is None else 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3])


def identity(dataset: Dataset) -> tuple[int, int, int]:
    """Hashes that live as long as this process: enough to compare, of no use to anybody else."""
    name = " ".join(text(dataset, "PatientName").replace("^", " ").lower().split())
    patient = (text(dataset, "PatientID"), name, text(dataset, "PatientBirthDate"))
    return hash(patient), hash(text(dataset, "StudyInstanceUID")), hash(text(dataset, "FrameOfReferenceUID"))


def _says_without_contrast(dataset: Dataset) -> bool:
    words = (text(dataset, keyword) for keyword in ("SeriesDescription", "ProtocolName", "ContrastBolusAgent"))
    return any(_WITHOUT_CONTRAST.search(word) for word in words)


def _description(dataset: Dataset) -> str:
    """The series description for messages, unless a part of the patient's name or number is in it."""
    description = _shown(text(dataset, "SeriesDescription"))
    personal = f"{text(dataset, 'PatientName')} {text(dataset, 'PatientID')}".replace("^", " ").lower().split()
    mentioned = any(len(part) > 2 and part in description.lower() for part in personal)
    return "" if mentioned else description


def _shown(words: str) -> str:
    return "".join(letter for letter in words[:_SHOWN_LETTERS] if letter.isprintable())
