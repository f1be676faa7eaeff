"""DICOM objects for an answer, or the sentence that says why there are none. The other files never depend on them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from PDACScreeningLib.dicom.options import DicomOptions, Edit, SegmentationKind
from PDACScreeningLib.errors import DicomRefused, InputIndeterminate, InputRejected
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.scan_files.dicom_file import read_slices
from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.scan_files.series_selection import select_series
from PDACScreeningLib.scan_files.series_source import SeriesSource, read_series_source
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.scan_files.zip_archive import is_zip, unpacked
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation
from PDACScreeningLib.volume.part import VolumePart

if TYPE_CHECKING:
    from PDACScreeningLib.dicom.results import DicomFile, ResultVoxels
    from PDACScreeningLib.session.answer import Answer

_logger = logging.getLogger(__name__)

NONE_WRITTEN = "No DICOM results were written: {}."
_PACKAGE = "highdicom"
_INSTALL = "the Python package highdicom is not installed; install it with: pip install 'pdac-screening[dicom]'"
_NO_SERIES = "the input is no DICOM series, and none is invented; name the series it was made from with --dicom-source"
_OTHER_SCAN = "the series of --dicom-source is another scan than the input: {}"
_SAME_PLACE_MM = 0.1


class DicomRequest(Protocol):
    """What DICOM results need of a ScanRequest, which lies above this module."""

    @property
    def scan(self) -> str | CTVolume: ...
    @property
    def series(self) -> str | None: ...
    @property
    def acquisition(self) -> str | None: ...
    @property
    def dicom_out(self) -> bool: ...
    @property
    def dicom_source(self) -> str | None: ...
    @property
    def dicom_predecessor(self) -> str | None: ...
    @property
    def dicom_segmentation(self) -> SegmentationKind: ...
    @property
    def dicom_probability(self) -> bool: ...
    @property
    def dicom_key_objects(self) -> bool: ...


def with_dicom_results(answer: Answer, request: DicomRequest) -> Answer:
    """The answer with its DICOM objects, where they were asked for. Never raises: an obstacle becomes a warning.

    Every outcome has a report where every slice names one patient, study and frame of reference. Headers are read
    again from the verified slices; of a scan that ended early, from the folder.
    """
    if not request.dicom_out and request.dicom_source is None:
        return answer
    options = DicomOptions(request.dicom_segmentation, request.dicom_probability, request.dicom_key_objects)
    try:
        _require_package()
        from PDACScreeningLib.dicom.results import dicom_files

        source, voxels = _placed(answer, request)
        earlier = None if request.dicom_predecessor is None else _predecessor(request.dicom_predecessor)
        return replace(answer, dicom_files=dicom_files(answer.screening, voxels, source, options, earlier))
    except (DicomRefused, InputRejected, InputIndeterminate) as error:
        reason = error.sentence if isinstance(error, InputRejected) else str(error)
    except Exception as error:  # of a package that trusts the headers it is given
        _logger.info("the DICOM results could not be made", exc_info=True)
        reason = f"an unexpected error ({type(error).__name__}) stopped it"
    warning = NONE_WRITTEN.format(reason.rstrip("."))
    return replace(answer, screening=replace(answer.screening, warnings=(*answer.screening.warnings, warning)))


def edited_results(
    ai: Answer, edited: Answer, slices: Sequence[SliceHeader], reader: str, options: DicomOptions | None = None
) -> tuple[DicomFile, ...]:
    """DICOM objects of a result whose segments a reader changed, as (file name, content).

    ai: the answer as it was written as DICOM, with the same options. edited: the answer for the edited labels, with
    the CT. slices: of the series, in the order of the volume. reader: family^given, or as it is. The new report names
    the AI's as its predecessor, the reader as an observer; segments he left alone stay AUTOMATIC.
    Raises DicomRefused, ValueError when a label map is missing or nothing was edited.
    """
    _require_package()
    from PDACScreeningLib.dicom.results import edited_dicom_files

    if ai.label_map is None or edited.label_map is None:
        raise ValueError("an edited result needs the labels of the AI and the edited ones")
    return edited_dicom_files(
        (ai.screening, ai.label_map),
        edited.screening,
        _voxels(edited),
        read_series_source(slices),
        options or DicomOptions(),
        Edit(reader),
    )


def _require_package() -> None:
    if find_spec(_PACKAGE) is None:
        raise DicomRefused(_INSTALL)


def _placed(answer: Answer, request: DicomRequest) -> tuple[SeriesSource, ResultVoxels]:
    """The series an answer is about, and its voxels in the order of that series. Raises DicomRefused, InputRejected."""
    if request.dicom_source is not None:
        series = read_series(Path(request.dicom_source), series=request.series, acquisition=request.acquisition)
        return read_series_source(series.slices), _voxels(_in_order_of(series, answer))
    if not isinstance(request.scan, str):
        raise DicomRefused(_NO_SERIES)
    with _place_of_files(Path(request.scan)) as place:
        if answer.slices:
            return read_series_source(_lying_in(place, answer.slices)), _voxels(answer)
        if answer.ct is not None or not _is_series(place):
            raise DicomRefused(_NO_SERIES)
        ended_early = select_series(place, request.series, ignore_progress)
        return read_series_source(ended_early.slices), _voxels(answer)


def _place_of_files(scan: Path) -> AbstractContextManager[Path]:
    """The scan itself, or what a ZIP archive holds, unpacked once more: what the pixels came from is gone by now."""
    return unpacked(scan) if scan.is_file() and is_zip(scan) else nullcontext(scan)


def _lying_in(place: Path, slices: tuple[SliceHeader, ...]) -> tuple[SliceHeader, ...]:
    """Slices of an archive at the places they were unpacked to this time; other slices lie where they lay."""
    if all(header.path.exists() for header in slices):
        return slices
    return tuple(replace(header, path=place / header.path.parent.name / header.path.name) for header in slices)


def _is_series(place: Path) -> bool:
    """A folder, or one multi-frame file."""
    return place.is_dir() or place.is_file() and isinstance(read_slices(place), list)


def _predecessor(path: str) -> Dataset:
    try:
        report = pydicom.dcmread(path)
    except Exception as error:  # damaged bytes can make the parser raise anything
        raise DicomRefused("the earlier report, which the new one replaces, cannot be read") from error
    return report


def _voxels(answer: Answer) -> ResultVoxels:
    from PDACScreeningLib.dicom.results import ResultVoxels

    return ResultVoxels(answer.ct, answer.label_map, answer.probability)


def _in_order_of(series: ReadCT, answer: Answer) -> Answer:
    """The answer with its voxels as the series stores them. Raises DicomRefused unless both are the same scan.

    A file made from a series often stores the rows or slices the other way round; each voxel keeps its place.
    """
    if answer.ct is None:
        raise DicomRefused(_OTHER_SCAN.format("it ended before both could be compared"))
    own, to = canonical_orientation(answer.ct.geometry), canonical_orientation(series.volume.geometry)
    _require_same_scan(
        CTVolume(own.to_canonical(answer.ct.hu), own.canonical_geometry(answer.ct.geometry)),
        CTVolume(to.to_canonical(series.volume.hu), to.canonical_geometry(series.volume.geometry)),
    )
    labels, probability = answer.label_map, answer.probability
    if labels is not None:
        labels = LabelMap(to.to_native(own.to_canonical(labels.labels)), series.volume.geometry)
    if probability is not None:
        values = to.to_native(own.to_canonical(probability.values))
        box = to.native_box(own.canonical_box(probability.box, answer.ct.geometry), series.volume.geometry)
        probability = VolumePart(values, box, series.volume.geometry)
    return replace(answer, ct=series.volume, label_map=labels, probability=probability)


def _require_same_scan(one: CTVolume, other: CTVolume) -> None:
    if one.geometry.shape != other.geometry.shape:
        raise DicomRefused(_OTHER_SCAN.format("it has another number of voxels"))
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(one.geometry.shape) - 1.0)
    apart_mm = np.abs(one.geometry.index_to_world(corners) - other.geometry.index_to_world(corners)).max()
    if apart_mm > _SAME_PLACE_MM:
        raise DicomRefused(_OTHER_SCAN.format("it lies elsewhere"))
    if not all(map(np.array_equal, one.hu, other.hu)):
        raise DicomRefused(_OTHER_SCAN.format("its Hounsfield units differ"))
