"""From cases on disk to a case store: checked, in canonical orientation, on the working grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.datasets.case import DataCase
from PDACScreeningLib.errors import DataError, GeometryMismatch, PDACScreeningError
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.training.case_store import StoredCase, write_case, write_index
from PDACScreeningLib.volume.image_io import read_ct, read_label_map
from PDACScreeningLib.volume.working_grid import working_grid


@dataclass(frozen=True)
class Preparation:
    """What became of the cases: those stored, and (case id, reason) of those refused."""

    stored: tuple[StoredCase, ...]
    refused: tuple[tuple[str, str], ...]


def prepare(
    cases: Sequence[DataCase],
    store: Path,
    working_spacing_mm: float | None,
    source: str,
    on_progress: OnProgress = ignore_progress,
) -> Preparation:
    """Write every usable case into a store folder; a bad case is refused with its reason, never trained on.

    source: one sentence that says where the cases come from. Raises DataError when no case is usable, WriteError.
    """
    stored: list[StoredCase] = []
    refused: list[tuple[str, str]] = []
    for done, case in enumerate(cases):
        on_progress(Progress("preparing cases", done, len(cases)))
        try:
            stored.append(_prepare_case(case, store, working_spacing_mm))
        except (DataError, GeometryMismatch) as error:
            refused.append((case.case_id, str(error)))
    on_progress(Progress("preparing cases", len(cases), len(cases)))
    if not stored:
        raise DataError(f"none of the {len(cases)} cases can be used; first reason: {refused[0][1]}")
    write_index(store, working_spacing_mm, source, stored)
    return Preparation(tuple(stored), tuple(refused))


def _prepare_case(case: DataCase, store: Path, working_spacing_mm: float | None) -> StoredCase:
    try:
        ct = read_ct(case.image).volume
        labels = read_label_map(case.labels)
    except PDACScreeningError as error:
        raise DataError(str(error)) from error
    grid = working_grid(ct.geometry, working_spacing_mm)
    voxels, on_grid = grid.to_working(ct), grid.labels_to_working(labels)
    return write_case(store, case.case_id, voxels, on_grid, patient_id=case.patient_id)
