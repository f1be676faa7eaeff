"""The AI's result of a volume from Slicer's DICOM database as DICOM objects of its study."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.atomic_file import write_bytes
from PDACScreeningLib.child_run.job_folder import JobFolder
from PDACScreeningLib.errors import DicomRefused, PDACScreeningError
from PDACScreeningLib.mrml.ct_volume_node import ct_volume_from_node
from PDACScreeningLib.mrml.dicom_numbers import INSTANCES
from PDACScreeningLib.mrml.result_record import AI_ROLE, labels_sha256, referenced
from PDACScreeningLib.mrml.segmentation_node import labels_from_segmentation
from PDACScreeningLib.mrml.shown_result import require_current
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.dicom_results import with_dicom_results
from PDACScreeningLib.session.work_order import FileRequest
from PDACScreeningLib.volume.label_map import LabelMap

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode

    FileOf = Callable[[str], str]  # SOP instance UID -> path of its file, empty where there is none

NO_SERIES = "The CT was not loaded from Slicer's DICOM database, so nothing tells whose it is: load it from there."
NO_FILES = "Files of the CT are no longer in Slicer's DICOM database: import the series again."
NO_SEGMENTS = "The AI's segments were deleted or changed; screen again."


def save_dicom_objects(
    segmentation_node: vtkMRMLSegmentationNode, folder: Path, file_of: FileOf, temporary_folder: Path | None = None
) -> list[Path]:
    """Write segmentation, report and key images of the AI's result into a folder, and return their paths.

    What a reviewer edited is not in them. file_of: of Slicer's DICOM database. The series' own files are read again and
    must have the grid and every Hounsfield unit of the volume. Raises PDACScreeningError with a sentence.
    """
    record, volume_node = require_current(segmentation_node)
    ai_node = referenced(segmentation_node, AI_ROLE)
    labels = None if ai_node is None else labels_from_segmentation(ai_node, volume_node)
    if labels is None or labels_sha256(labels) != record.labels_sha256:
        raise PDACScreeningError(NO_SEGMENTS)
    instances = (volume_node.GetAttribute(INSTANCES) or "").split()
    if not instances:
        raise DicomRefused(NO_SERIES)
    answer = Answer(record.screening, ct_volume_from_node(volume_node), LabelMap(labels.whole(), labels.geometry))
    job = JobFolder(temporary_folder)
    try:
        series = job.path / "series"
        _copy([file_of(instance) for instance in instances], series)
        made = with_dicom_results(answer, FileRequest("", dicom_source=str(series)))
    finally:
        job.remove()
    if not made.dicom_files:
        raise DicomRefused(made.screening.warnings[-1])
    return [write_bytes(folder / name, content) for name, content in made.dicom_files]


def _copy(files: list[str], series: Path) -> None:
    """Files of a series into a folder of its own; one file may hold several slices. Raises DicomRefused."""
    series.mkdir()
    for number, file in enumerate(dict.fromkeys(files)):
        if not file or not Path(file).is_file():
            raise DicomRefused(NO_FILES)
        shutil.copyfile(file, series / f"{number:05}.dcm")
