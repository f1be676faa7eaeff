"""Whose scan a series is: the headers that a DICOM result has to repeat, read again and believed only if they agree.

A result with a wrong identifier lands in another patient's record. So nothing is filled in: every slice must name the
same patient, study and frame of reference, and an identifier of its own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from PDACScreeningLib.errors import DicomRefused
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.volume.geometry import Geometry

_SAME_PLACE_MM = 0.1
_SAME_DIRECTION = 1e-3
_UID = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_UTF_8 = "ISO_IR 192"  # the character set of what is written, whatever the scanner's was
_SHARED = {  # what every slice must say, and in the same words
    "PatientID": "patient ID",
    "PatientName": "patient name",
    "PatientBirthDate": "birth date",
    "StudyInstanceUID": "study",
    "SeriesInstanceUID": "series",
    "FrameOfReferenceUID": "frame of reference",
}
_NEEDED = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_MAY_BE_EMPTY = (  # of type 2: a value that nobody knows is written as none
    *("PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime", "AccessionNumber"),
    *("ReferringPhysicianName", "PositionReferenceIndicator"),
)
_REPEATED = (
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence", "IssuerOfPatientID"),
    *("PatientAge", "PatientSize", "PatientWeight", "StudyDescription", "IssuerOfAccessionNumberSequence"),
)
_OF_A_SLICE = (
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesNumber", "InstanceNumber"),
    *("ImageType", "Rows", "Columns", "PixelSpacing", "SliceThickness", "ImagePositionPatient"),
    *("ImageOrientationPatient", "NumberOfFrames", "SharedFunctionalGroupsSequence"),
    *("PerFrameFunctionalGroupsSequence", "DimensionOrganizationSequence", "DimensionIndexSequence"),
)
_TAGS = [*_SHARED, *_MAY_BE_EMPTY, *_REPEATED, *_OF_A_SLICE]


@dataclass(frozen=True, eq=False)
class SeriesSource:
    """The images a result is about, without their pixels, in the order of the volume, lowest z index first.

    images: one data set a slice; a single one where one multi-frame file holds the series. They all name one patient,
    study, series and frame of reference, and each has an identifier of its own. Text is UTF-8.
    """

    images: tuple[Dataset, ...]

    @property
    def is_multi_frame(self) -> bool:
        """Whether one file holds the series."""
        return "PerFrameFunctionalGroupsSequence" in self.images[0]

    @property
    def series_uid(self) -> str:
        """Of the series that was screened."""
        return str(self.images[0].SeriesInstanceUID)

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """Of all images, in the order of the volume."""
        return tuple(str(image.SOPInstanceUID) for image in self.images)


def read_series_source(headers: Sequence[SliceHeader]) -> SeriesSource:
    """Read again whose slices these are. headers: of the slices as they were verified, in the order of the volume.

    Raises DicomRefused when a file changed since, or when the slices do not name one patient, study and frame of
    reference and an identifier each. No message tells an identifier.
    """
    files: dict[Path, SliceHeader] = {}
    for header in headers:
        files.setdefault(header.path, header)
    images = tuple(_read(header) for header in files.values())
    for keyword, name in _SHARED.items():
        _require_one(images, keyword, name)
    uids = [str(image.get("SOPInstanceUID") or "") for image in images]
    if not all(map(_UID.fullmatch, uids)):
        raise DicomRefused(
            "a slice has no valid identifier of its own (SOP Instance UID), so results cannot point at it"
        )
    if len(set(uids)) < len(uids) or set(uids) & {str(images[0].StudyInstanceUID), str(images[0].SeriesInstanceUID)}:
        raise DicomRefused(
            "slices of the series share an identifier (SOP Instance UID), so results could not point at them"
        )
    return SeriesSource(images)


def require_same_slices(source: SeriesSource, geometry: Geometry) -> None:
    """See that voxel plane z of a volume is image z of the series, or a frame of its one file. Raises DicomRefused.

    It is not where the volume was made regular from slices of uneven distance or a tilted gantry.
    """
    images, (z, y, x) = source.images, geometry.shape
    places = _places_of_frames(images[0]) if source.is_multi_frame else [_place(image) for image in images]
    same = len(places) == z and all((image.Rows, image.Columns) == (y, x) for image in images)
    if same:
        expected = geometry.index_to_world(np.stack([np.arange(z), np.zeros(z), np.zeros(z)], axis=1))
        if source.is_multi_frame:  # frames may be stored in any order; whoever refers to them places them
            places.sort(key=lambda place: float(np.dot(place[:3], geometry.axes[:, 2])))
        directions = np.tile(geometry.axes[:, :2].T.ravel(), (z, 1))
        apart = np.abs(np.array(places) - np.hstack([expected, directions]))
        same = bool(apart[:, :3].max() < _SAME_PLACE_MM and apart[:, 3:].max() < _SAME_DIRECTION)
    if not same:
        raise DicomRefused(
            "the scan was resampled before it was screened, so the segmentation does not lie on the series' slices"
        )


def _place(image: Dataset) -> list[float]:
    """Position and directions of rows and columns: nine numbers."""
    return [float(value) for value in (*image.ImagePositionPatient, *image.ImageOrientationPatient)]


def _places_of_frames(image: Dataset) -> list[list[float]]:
    """The same for each frame, in the order of the file. What all frames share is said once."""
    shared = image.SharedFunctionalGroupsSequence[0]
    places = []
    for frame in image.PerFrameFunctionalGroupsSequence:
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        holder = frame if "PlaneOrientationSequence" in frame else shared
        orientation = holder.PlaneOrientationSequence[0].ImageOrientationPatient
        places.append([float(value) for value in (*position, *orientation)])
    return places


def _read(verified: SliceHeader) -> Dataset:
    """The header of one file in UTF-8. Raises DicomRefused when it is not the slice that was verified."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd values; those that matter are checked here
            dataset: Dataset = pydicom.dcmread(verified.path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
            found = (str(dataset.get("SOPInstanceUID") or "").strip(), str(dataset.get("SeriesInstanceUID") or ""))
            dataset.decode()
            if not dataset.get("SOPClassUID"):
                raise DicomRefused("a slice does not say what kind of object it is (SOP class)")
            dataset.SpecificCharacterSet = _UTF_8
    except (DicomRefused, MemoryError):
        raise
    except Exception as error:  # a damaged file can make the parser raise anything
        raise DicomRefused("a file of the series can no longer be read") from error
    if found[0] != verified.sop_instance:
        raise DicomRefused("a file of the series was replaced while the scan was screened")
    for keyword in _MAY_BE_EMPTY:
        if keyword not in dataset:
            setattr(dataset, keyword, None)
    return dataset


def _require_one(images: Sequence[Dataset], keyword: str, name: str) -> None:
    """Refuse slices that say different things, or nothing where something is needed."""
    values = {str(image.get(keyword) or "").strip() for image in images}
    if keyword in _NEEDED and "" in values:
        raise DicomRefused(f"the slices do not all name their {name}, and none is invented")
    if len(values) > 1:
        raise DicomRefused(f"the slices name more than one {name}")
    if keyword.endswith("UID") and not all(map(_UID.fullmatch, values)):
        raise DicomRefused(f"the identifier of the {name} is not a valid one")
