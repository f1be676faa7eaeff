"""Scoring the segments of a result as they are now; the AI's answer and segments stay beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.inference import rescoring as inference
from PDACScreeningLib.inference.rescoring import SegmentChange
from PDACScreeningLib.mrml.ct_volume_node import ct_volume_from_node
from PDACScreeningLib.mrml.dicom_numbers import with_numbers_of_dicom
from PDACScreeningLib.mrml.probability_node import probability_from_node
from PDACScreeningLib.mrml.result_record import (
    AI_ROLE,
    PROBABILITY_ROLE,
    SavedRescoring,
    labels_sha256,
    referenced,
    update_record,
)
from PDACScreeningLib.mrml.segmentation_node import keep_algorithm_types, labels_from_segmentation
from PDACScreeningLib.mrml.shown_result import require_current
from PDACScreeningLib.screening_result import Screening

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLSegmentationNode

    from PDACScreeningLib.mrml.dicom_numbers import ValueOf


def rescore(
    _scene: vtkMRMLScene, segmentation_node: vtkMRMLSegmentationNode, value_of: ValueOf | None = None
) -> Screening:
    """Components, rule, score and findings of the segments as they are, kept with the result.

    value_of: elements of DICOM headers, where there is a database.
    Segments that equal the AI's again lose an earlier re-scoring. Raises PDACScreeningError when the result is not
    about the image in the scene, or when the probability or the AI's segments were deleted.
    """
    record, volume_node = require_current(segmentation_node)
    probability_node, ai_node = (referenced(segmentation_node, role) for role in (PROBABILITY_ROLE, AI_ROLE))
    if probability_node is None or ai_node is None:
        raise PDACScreeningError("The AI's segments or the tumor probability were deleted; screen again.")
    ai_labels = labels_from_segmentation(ai_node, volume_node)
    if labels_sha256(ai_labels) != record.labels_sha256:
        raise PDACScreeningError("The AI's segments were changed, so nothing tells what was edited; screen again.")
    edited, ct = labels_from_segmentation(segmentation_node, volume_node), ct_volume_from_node(volume_node)
    probability = probability_from_node(probability_node, volume_node)
    rescored = inference.rescore(record.screening, ai_labels, edited, probability, ct)
    keep_algorithm_types(segmentation_node, ai_node, volume_node)
    digest = labels_sha256(edited)
    if digest == record.labels_sha256:
        update_record(segmentation_node, rescoring=None)
        return record.screening
    change = _sentences(rescored.changes, ct.geometry.voxel_volume_mm3)
    screening = rescored.screening
    if value_of is not None:
        screening = with_numbers_of_dicom(screening, volume_node, value_of)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    update_record(segmentation_node, rescoring=SavedRescoring(screening, change, digest, now))
    return screening


def _sentences(changes: Sequence[SegmentChange], voxel_mm3: float) -> str:
    """What editing did to each segment. voxel_mm3: of the CT, on whose grid segments are edited."""
    return f"By editing: {'; '.join(_sentence(change, voxel_mm3 / 1000) for change in changes)}."


def _sentence(change: SegmentChange, voxel_ml: float) -> str:
    """Tumor: 1.20 -> 1.80 mL (+0.70, -0.10), Dice 0.733."""
    if change.added_voxels == change.removed_voxels == 0:
        return f"{change.name} unchanged"
    dice = "none" if change.dice is None else f"{change.dice:.3f}"
    return (
        f"{change.name}: {change.ai_voxels * voxel_ml:.2f} -> {change.edited_voxels * voxel_ml:.2f} mL "
        f"(+{change.added_voxels * voxel_ml:.2f}, -{change.removed_voxels * voxel_ml:.2f}), Dice {dice}"
    )
