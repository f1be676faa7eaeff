"""What every DICOM object of one result has in common: whose it is, who made it, and its identifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from PDACScreeningLib.dicom.identifiers import ResultKey
from PDACScreeningLib.dicom.options import Edit
from PDACScreeningLib.report.segmentation_file import algorithm_name, notice
from PDACScreeningLib.scan_files.series_source import SeriesSource
from PDACScreeningLib.screening_result import Screening

MAKER = "PDACScreening"
_SERIES_AFTER = 9000  # our series come after those of the study
_MOST = 2**31 - 1  # that an integer string of DICOM holds
_UNKNOWN_VERSION = "unknown"


@dataclass(frozen=True, eq=False)
class Statement:
    """A screening on its way into DICOM objects."""

    screening: Screening
    source: SeriesSource
    key: ResultKey
    edit: Edit | None = None

    @property
    def images(self) -> tuple[Dataset, ...]:
        """Headers of the images that were screened."""
        return self.source.images

    @property
    def algorithm(self) -> str:
        """Name of the algorithm with its model, at most 64 characters."""
        return algorithm_name(self.screening.model)

    @property
    def software(self) -> str:
        """Name and version of this software."""
        return self.screening.provenance.software if self.screening.provenance else MAKER

    @property
    def version(self) -> str:
        """Version of this software."""
        return self.software.removeprefix(MAKER).strip() or _UNKNOWN_VERSION

    @property
    def weights(self) -> str:
        """Which weights answered, as `name=value`."""
        return f"weights_sha256={self.screening.model.weights_sha256 if self.screening.model else ''}"

    @property
    def notice(self) -> str:
        """The sentence every object carries: research use, and what the model's card warns of."""
        return notice(self.screening.model)

    def series(self, kind: str, place: int, number: int = 1) -> dict[str, Any]:
        """Identifiers of object `number` of one of our series. place: of the series among ours."""
        return {
            "series_instance_uid": self.key.uid(kind),
            "series_number": min(_series_number(self.images[0]) + _SERIES_AFTER + place, _MOST),
            "sop_instance_uid": self.key.uid(kind, str(number)),
            "instance_number": number,
        }


def _series_number(image: Dataset) -> int:
    try:
        return max(int(image.get("SeriesNumber") or 0), 0)
    except (TypeError, ValueError):
        return 0
