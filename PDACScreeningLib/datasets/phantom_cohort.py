"""A cohort of generated phantoms: one folder a case, with `ct.nii.gz` and `labels.nii.gz` (0, 1, 2)."""

from pathlib import Path

from PDACScreeningLib.datasets.case import DataCase
from PDACScreeningLib.errors import DataError

IMAGE, LABELS = "ct.nii.gz", "labels.nii.gz"


def phantom_cohort_cases(folder: Path) -> tuple[DataCase, ...]:
    """The cases of a cohort, by name. Every phantom is a patient of its own.

    Raises DataError when there is none, or when a case lacks its label map.
    """
    images = sorted(folder.glob(f"*/{IMAGE}"))
    if not images:
        raise DataError(f"{folder} holds no phantom (no */{IMAGE}); make one with `pdac-screening phantom-cohort`")
    for image in images:
        if not image.with_name(LABELS).exists():
            raise DataError(f"{image.parent} has no {LABELS}; generate the cohort again, it goes on where it stopped")
    return tuple(DataCase(image.parent.name, image.parent.name, image, image.with_name(LABELS)) for image in images)
