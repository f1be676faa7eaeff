"""A result as it is now: still about this image, edited since, scored again, reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.mrml.ct_volume_node import is_same_image, node_voxels_sha256
from PDACScreeningLib.mrml.result_record import (
    AI_ROLE,
    NETWORKS_ROLE,
    PROBABILITY_ROLE,
    VOLUME_ROLE,
    ResultRecord,
    Review,
    read_record,
    referenced,
)
from PDACScreeningLib.mrml.segmentation_node import foreign_segments, segments_sha256
from PDACScreeningLib.screening_result import Screening

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSegmentationNode

    from PDACScreeningLib.mrml.ct_volume_node import Digest

UNTOUCHED = "AI result, not edited."
STALE = "Edited - score is stale. Press Re-score."
GONE = "the volume this result is about is no longer in the scene."
CHECKING = "Comparing {name} with the volume that was screened..."
CHANGED = "the voxels or the place of {name} have changed since the screening. Screen again."
MOVED = "the segments and {name} are under different transforms. Put them under the same one."


class ResultState(StrEnum):
    """What may be believed of a result."""

    CURRENT = "CURRENT"
    EDITED_STALE = "EDITED_STALE"
    RESCORED = "RESCORED"
    CHECKING = "CHECKING"  # nobody knows yet whether the image is that of the result
    ORPHANED = "ORPHANED"  # of an image that is gone or changed: no verdict may be shown


@dataclass(frozen=True)
class Obstacle:
    """Why a result cannot be shown as current."""

    state: ResultState  # ORPHANED or CHECKING
    text: str


@dataclass(frozen=True, eq=False)
class ShownResult:
    """Everything the panel shows of one result. A node that was deleted is None."""

    segmentation_node: vtkMRMLSegmentationNode
    screening: Screening  # the newest: of the edited segments once they were scored again
    state: ResultState
    state_text: str  # provenance, or why the numbers must not be believed
    volume_name: str
    volume_node: vtkMRMLScalarVolumeNode | None
    probability_node: vtkMRMLScalarVolumeNode | None
    ai_segmentation_node: vtkMRMLSegmentationNode | None
    networks_node: vtkMRMLSegmentationNode | None  # what each network alone segmented
    change: str  # what editing did; empty before a re-scoring
    review: Review | None
    review_text: str
    rescoring_obstacle: str | None  # why Re-score is off

    @property
    def is_current(self) -> bool:
        """Whether it is about the image in the scene; otherwise nothing of it may be shown as if it were."""
        return self.state not in (ResultState.ORPHANED, ResultState.CHECKING)

    @property
    def has_fresh_score(self) -> bool:
        """Whether the score is that of the segments as they are: only then can somebody accept them."""
        return self.state in (ResultState.CURRENT, ResultState.RESCORED)


def shown_result(
    _scene: vtkMRMLScene, segmentation_node: vtkMRMLSegmentationNode, digest_of: Digest = node_voxels_sha256
) -> ShownResult | None:
    """The result of a segmentation node, compared with its image and its segments; None when it is no result.

    digest_of: of the voxels of a volume node; None means "not known yet", and the result is CHECKING. Without it every
    voxel is looked at: half a second to a second for 300 slices.
    """
    record = read_record(segmentation_node)
    if record is None:
        return None
    volume_node = referenced(segmentation_node, VOLUME_ROLE)
    obstacle = why_not_current(record, segmentation_node, volume_node, digest_of)
    digest = None if obstacle or volume_node is None else segments_sha256(segmentation_node, volume_node)
    state = obstacle.state if obstacle else _state(record, digest)
    rescoring = record.rescoring if state is not ResultState.CURRENT else None
    return ShownResult(
        segmentation_node=segmentation_node,
        screening=rescoring.screening if rescoring else record.screening,
        state=state,
        state_text=obstacle.text if obstacle else _state_text(record, state, segmentation_node),
        volume_name=volume_node.GetName() if volume_node is not None else record.volume_name,
        volume_node=volume_node,
        probability_node=referenced(segmentation_node, PROBABILITY_ROLE),
        ai_segmentation_node=referenced(segmentation_node, AI_ROLE),
        networks_node=referenced(segmentation_node, NETWORKS_ROLE),
        change=rescoring.change if rescoring and state is ResultState.RESCORED else "",
        review=record.review,
        review_text=_review_text(record.review, digest),
        rescoring_obstacle=_obstacle(segmentation_node, state),
    )


def why_not_current(
    record: ResultRecord,
    segmentation_node: vtkMRMLSegmentationNode,
    volume_node: vtkMRMLScalarVolumeNode | None,
    digest_of: Digest = node_voxels_sha256,
) -> Obstacle | None:
    """Why a result says nothing about the image that is there; None when it does."""
    if volume_node is None:
        return Obstacle(ResultState.ORPHANED, f"Not current: {GONE}")
    name, facts = volume_node.GetName(), record.screening.input
    same = facts is not None and is_same_image(volume_node, facts, digest_of)
    if same is None:
        return Obstacle(ResultState.CHECKING, CHECKING.format(name=name))
    if not same:
        return Obstacle(ResultState.ORPHANED, f"Not current: {CHANGED.format(name=name)}")
    if segmentation_node.GetTransformNodeID() != volume_node.GetTransformNodeID():
        return Obstacle(ResultState.ORPHANED, f"Not current: {MOVED.format(name=name)}")
    return None


def require_current(segmentation_node: vtkMRMLSegmentationNode) -> tuple[ResultRecord, vtkMRMLScalarVolumeNode]:
    """The record and the CT of a result that is about the image in the scene. Raises PDACScreeningError otherwise."""
    record = read_record(segmentation_node)
    if record is None:
        raise PDACScreeningError("This segmentation is no result of a screening; choose one that is.")
    volume_node = referenced(segmentation_node, VOLUME_ROLE)
    obstacle = why_not_current(record, segmentation_node, volume_node)
    if obstacle or volume_node is None:
        raise PDACScreeningError(obstacle.text if obstacle else f"Not current: {GONE}")
    return record, volume_node


def _state(record: ResultRecord, digest: str | None) -> ResultState:
    """digest: of the segments as they are; None when the image is not that of the result."""
    if digest is None:
        return ResultState.ORPHANED
    if digest == record.labels_sha256:
        return ResultState.CURRENT
    if record.rescoring is not None and digest == record.rescoring.labels_sha256:
        return ResultState.RESCORED
    return ResultState.EDITED_STALE


def _state_text(record: ResultRecord, state: ResultState, segmentation_node: vtkMRMLSegmentationNode) -> str:
    if state is ResultState.EDITED_STALE:
        text = STALE
    elif state is ResultState.RESCORED and record.rescoring is not None:
        text = f"AI result edited by a reviewer, scored again {_moment(record.rescoring.rescored_utc)}."
    else:
        text = UNTOUCHED
    foreign = foreign_segments(segmentation_node)
    return f"{text} Not counted: {', '.join(foreign)}." if foreign else text


def _review_text(review: Review | None, digest: str | None) -> str:
    if review is None:
        return ""
    moment = _moment(review.reviewed_utc)
    done = f"Accepted {moment}" if review.status == "accepted" else f"Flagged {moment}"
    if review.reviewer:
        who = review.reviewer
        done = f"Accepted by {who} {moment}" if review.status == "accepted" else f"Flagged by {who} {moment}"
    since = "" if digest == review.labels_sha256 else "; edited since"
    return f"{done}{since}{f': {review.note}' if review.note else ''}"


def _obstacle(segmentation_node: vtkMRMLSegmentationNode, state: ResultState) -> str | None:
    if state in (ResultState.ORPHANED, ResultState.CHECKING):
        return "The result is not current."
    if referenced(segmentation_node, PROBABILITY_ROLE) is None or referenced(segmentation_node, AI_ROLE) is None:
        return "The AI's segments or the tumor probability of this result are not in the scene."
    return None


def _moment(utc: str) -> str:
    """2026-11-23T19:00:05+00:00 -> 2026-11-23 19:00 UTC."""
    return f"{utc.replace('T', ' ')[:16]} UTC"
