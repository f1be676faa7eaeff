"""A case of a data set: where its scan and its label map lie."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataCase:
    """One scan with its truth. patient_id: cases of one patient never stand on both sides of a split."""

    case_id: str
    patient_id: str
    image: Path
    labels: Path
