"""A reviewer's judgment of a result: the status of its segments, which every segment table shows, and a note."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.mrml.result_record import Review, update_record
from PDACScreeningLib.mrml.segmentation_node import STATUS, segment_node, segments_sha256
from PDACScreeningLib.mrml.shown_result import require_current
from PDACScreeningLib.report.segment_terminology import segment_terminology

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode

STATUSES = {"accepted": "completed", "flagged": "flagged"}  # ours -> the tag of Slicer's segment status


def set_review(segmentation_node: vtkMRMLSegmentationNode, status: str, note: str = "", reviewer: str = "") -> Review:
    """Keep what a reviewer says of the segments as they are now, with the time.

    status: "accepted" or "flagged". Raises ValueError for another one, PDACScreeningError when the result is not about
    the image in the scene any more, or when segments are accepted whose score nobody has computed.
    """
    if status not in STATUSES:
        raise ValueError(f"a review is {' or '.join(STATUSES)}, not {status!r}")
    record, volume_node = require_current(segmentation_node)
    digest = segments_sha256(segmentation_node, volume_node)
    if status == "accepted" and not record.is_score_of(digest):
        raise PDACScreeningError("The segments were edited after the last score; press Re-score before you accept.")
    review = Review(
        status=status,
        reviewer=reviewer,
        note=note,
        reviewed_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        labels_sha256=digest,
    )
    for item in segment_terminology().segments:
        segment = segment_node(segmentation_node, item.id)
        if segment is not None:
            segment.SetTag(STATUS, STATUSES[status])
    update_record(segmentation_node, review=review)
    return review
