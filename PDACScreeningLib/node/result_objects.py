"""The DICOM objects of a result before they are sent: which, in which order, and whether they are of this series."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pydicom

from PDACScreeningLib.dicom.object_files import DICOM_FILES, REPORT
from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.node.received_image import key_of

_FOREIGN = "a result is not of the patient, study and series that were received; it was not sent"


def result_objects(folder: Path, *, key_images: bool) -> list[Path]:
    """The files of a result folder in the order they are sent; the report, which names the others, is last."""
    wanted = [name for name in DICOM_FILES if key_images or not name.startswith("key-image")]
    return [folder / name for name in wanted if (folder / name).is_file()]


def require_own(paths: Sequence[Path], images: Iterable[Path], key: str) -> None:
    """See that every object names patient and study of every image, and the report the series. Raises ResultError.

    The screening looked at that already. A result in another patient's record is the worst that a node can do.
    """
    of_images = {_identity(path) for path in images}
    if len(of_images) != 1 or {_identity(path) for path in paths} != of_images:
        raise ResultError(_FOREIGN)
    report = next((path for path in paths if path.name == REPORT), None)
    if report is None or key not in {key_of(uid) for uid in _series_of_evidence(report)}:
        raise ResultError(_FOREIGN)


def _identity(path: Path) -> tuple[str, ...]:
    header = _read(path, "PatientID", "IssuerOfPatientID", "StudyInstanceUID")
    names = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID")
    return tuple(str(header.get(name) or "").strip() for name in names)


def _read(path: Path, *keywords: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted: list[Any] | None = ["SpecificCharacterSet", *keywords] if keywords else None
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=wanted)
            header.decode()
            return header
    except Exception as error:  # damaged bytes can make the parser raise anything
        raise ResultError("an object of the result or an image of the series cannot be read") from error


def _series_of_evidence(path: Path) -> set[str]:
    report = _read(path)
    names = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
    try:
        studies = [study for name in names for study in report.get(name) or ()]
        return {str(series.SeriesInstanceUID) for study in studies for series in study.ReferencedSeriesSequence}
    except (AttributeError, TypeError, ValueError) as error:
        raise ResultError("the report of the result does not tell what it was made from") from error
