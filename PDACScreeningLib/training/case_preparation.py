"""One case of a data set into a case store: checked, in canonical orientation, on the working grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.datasets.binary_masks import read_binary_masks
from PDACScreeningLib.datasets.dataset import DataCase
from PDACScreeningLib.datasets.label_grid import labels_on_scan
from PDACScreeningLib.datasets.label_placement import LabelPlacement, describe, label_placement, mirrored
from PDACScreeningLib.datasets.scan_identity import scan_sha256
from PDACScreeningLib.errors import DataError, GeometryMismatch, InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.training.case_store import write_case
from PDACScreeningLib.training.native_truth import write_native_truth
from PDACScreeningLib.training.packed_voxels import clipped
from PDACScreeningLib.training.store_index import StoredCase
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation
from PDACScreeningLib.volume.working_grid import working_grid

GLAND_HU = (-150, 300)  # fatty gland to strongly enhanced; neither lung, gas nor bone
MIN_GLAND_SHARE = 0.5  # of the labeled voxels


@dataclass(frozen=True)
class CaseTask:
    """A case, the store it goes into, and the spacing of its grid (None: the scan's own).

    is_packed: see write_case. hu_clip: window that Hounsfield units of the body are clipped to; None keeps them.
    """

    case: DataCase
    store: Path
    working_spacing_mm: float | None
    is_packed: bool = False
    hu_clip: tuple[int, int] | None = None


def prepare_case(task: CaseTask) -> StoredCase:
    """Check a case and write it into the store folder.

    Raises DataError with the reason when the case cannot be trained on; WriteError.
    """
    try:
        return _prepare(task)
    except (InputRejected, InputIndeterminate, GeometryMismatch) as error:
        raise DataError(str(error)) from error


def _prepare(task: CaseTask) -> StoredCase:
    case = task.case
    scan = read_scan(case.image)
    labels, label_warnings = _checked_labels(case, scan.volume)
    grid = working_grid(scan.volume.geometry, task.working_spacing_mm)
    working = grid.labels_to_working(labels)
    _refuse_vanished_tumor(labels, working, task.working_spacing_mm)
    stored = write_case(
        task.store,
        case.case_id,
        _clipped(grid.to_working(scan.volume), task.hu_clip),
        working,
        patient_id=case.patient_id,
        is_packed=task.is_packed,
    )
    return replace(
        stored,
        traits=case.traits,
        native_sha256=write_native_truth(task.store, case.case_id, labels),
        dataset=case.dataset,
        scan_sha256=scan_sha256(scan.volume.hu),
        warnings=(*scan.warnings, *label_warnings),
    )


def _clipped(ct: CTVolume, window: tuple[int, int] | None) -> CTVolume:
    return ct if window is None else CTVolume(clipped(ct.hu, window), ct.geometry)


def _checked_labels(case: DataCase, scan: CTVolume) -> tuple[LabelMap, tuple[str, ...]]:
    """The label map on the grid of the scan, with warnings. Raises DataError, InputRejected, GeometryMismatch."""
    masks = case.masks
    read = read_binary_masks(case.labels, masks) if masks else read_label_map(case.labels, case.label_mapping)
    _refuse_other_truth(case, read)
    if not read.labels.any():
        raise DataError(
            f"{case.labels.name} has no pancreas voxel: nothing to learn from; expected labels are {case.label_mapping}"
        )
    placed = labels_on_scan(read, scan.geometry, position_may_differ=case.position_may_differ)
    canonical = mirrored(placed.labels, case.mirrored)
    orientation = canonical_orientation(scan.geometry)
    hu, spacing_mm = orientation.to_canonical(scan.hu), orientation.canonical_geometry(scan.geometry).spacing_mm
    _refuse_implausible_gland(hu, canonical)
    placement = label_placement(hu, canonical, spacing_mm)
    warnings = _judged(placement, position_ignored=placed.position_ignored)
    return LabelMap(np.ascontiguousarray(orientation.to_native(canonical)), scan.geometry), warnings


def _refuse_other_truth(case: DataCase, labels: LabelMap) -> None:
    """A case is neither with nor without a tumor when the data set contradicts its own label map. Raises DataError."""
    drawn = labels.count(Label.TUMOR) > 0
    if case.has_tumor is not None and case.has_tumor != drawn:
        said, seen = ("a tumor", "none") if case.has_tumor else ("no tumor", "one")
        raise DataError(f"the data set says that the case has {said}, its label map shows {seen}: nobody knows which")


def _refuse_vanished_tumor(labels: LabelMap, working: NDArray[np.uint8], spacing_mm: float | None) -> None:
    """A patient with a tumor must not become a normal because the grid is coarse. Raises DataError."""
    there = labels.count(Label.TUMOR)
    if there and not np.any(working == Label.TUMOR):
        grid = "the working grid" if spacing_mm is None else f"a grid of {spacing_mm:g} mm"
        raise DataError(
            f"its tumor of {there} voxels ({labels.volume_mm3(Label.TUMOR):.1f} mm3) vanishes on {grid}: it would be "
            "trained on and counted as a case without a tumor; prepare it with a smaller --working-spacing-mm"
        )


def _refuse_implausible_gland(hu: NDArray[np.int16], labels: NDArray[np.uint8]) -> None:
    gland = hu[labels != Label.BACKGROUND]
    share = float(np.mean((gland >= GLAND_HU[0]) & (gland <= GLAND_HU[1])))
    if share < MIN_GLAND_SHARE:
        raise DataError(
            f"only {share:.0%} of the labeled voxels have {GLAND_HU[0]} to {GLAND_HU[1]} HU: the rest lies in gas or "
            "bone, so this is not the label map of this scan"
        )


def _judged(placement: LabelPlacement, *, position_ignored: bool) -> tuple[str, ...]:
    """Warnings about where the label map lies. Raises DataError when it is mirrored or may be misplaced."""
    best = describe(placement.best_mirrored)
    fit = f"{placement.contrasts[0]:.2f} as stored, {max(placement.contrasts[1:]):.2f} mirrored {best}"
    evidence = f"share of soft tissue inside minus around it: {fit}"
    if placement.is_mirrored:
        raise DataError(
            f"the label map fits its scan better when it is mirrored {best} ({evidence}); look at it in a viewer, "
            "and if all label maps of the data set are so, say it with --mirrored-labels"
        )
    if placement.is_doubtful and position_ignored:
        raise DataError(
            "the headers of label map and scan place them differently, and the voxels do not show which is right "
            f"({evidence}); look at both in a viewer"
        )
    if placement.is_doubtful:
        return (f"the label map does not fit its scan clearly better than mirrored {best} ({evidence})",)
    if position_ignored:
        return ("the header of the label map places it elsewhere; it was taken voxel by voxel, which fits the scan",)
    return ()
