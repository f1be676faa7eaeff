"""What a result node remembers, in attributes that are saved with the scene.

The result is the segmentation node a reader edits. It knows the CT, the tumor probability and the untouched AI segments
by node references, and everything else by one attribute of JSON.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.strict_json import parse_json
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.part import VolumePart

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLSegmentationNode

RESULT_ATTRIBUTE = "PDACScreening.Result"
VOLUME_ROLE = "PDACScreeningVolume"
PROBABILITY_ROLE = "PDACScreeningProbability"
AI_ROLE = "PDACScreeningAI"
NETWORKS_ROLE = "PDACScreeningNetworks"
REPORT_ROLE = "PDACScreeningReport"
DRAFT_ATTRIBUTE = "PDACScreening.DraftNote"  # what a reviewer has typed and not yet kept
FORMAT_VERSION = 1


@dataclass(frozen=True)
class SavedRescoring:
    """The answer for the segments as they were edited."""

    screening: Screening
    change: str  # what editing did, in one sentence a segment
    labels_sha256: str  # of the segments it is about
    rescored_utc: str


@dataclass(frozen=True)
class Review:
    """What a reviewer said of the segments."""

    status: str  # "accepted" or "flagged"
    reviewer: str
    note: str
    reviewed_utc: str
    labels_sha256: str  # of the segments it is about


@dataclass(frozen=True)
class ResultRecord:
    """The AI's answer, which never changes, and what became of it."""

    screening: Screening
    labels_sha256: str  # of the AI's segments
    volume_name: str
    rescoring: SavedRescoring | None = None
    review: Review | None = None
    format_version: int = FORMAT_VERSION

    def is_score_of(self, digest: str) -> bool:
        """Whether the newest score is that of the segments with this digest."""
        return digest in (self.labels_sha256, self.rescoring.labels_sha256 if self.rescoring is not None else None)


def read_record(segmentation_node: vtkMRMLSegmentationNode) -> ResultRecord | None:
    """The record of a result; None for a segmentation that is no result, or of a version this one cannot read."""
    text = segmentation_node.GetAttribute(RESULT_ATTRIBUTE)
    try:
        data = parse_json(text or "")
        record = from_plain(ResultRecord, data)
    except ValueError:
        return None
    return record if record.format_version == FORMAT_VERSION else None


def write_record(segmentation_node: vtkMRMLSegmentationNode, record: ResultRecord) -> None:
    """Keep a record with its node."""
    segmentation_node.SetAttribute(RESULT_ATTRIBUTE, json.dumps(to_plain(record), allow_nan=False))


def update_record(segmentation_node: vtkMRMLSegmentationNode, **changed: Any) -> ResultRecord:
    """Replace fields of a record. Raises ValueError when the node is no result."""
    record = read_record(segmentation_node)
    if record is None:
        raise ValueError("this segmentation is no result of a screening")
    record = replace(record, **changed)
    write_record(segmentation_node, record)
    return record


def referenced(segmentation_node: vtkMRMLSegmentationNode, role: str) -> vtkMRMLNode | None:
    """The CT, the probability or the AI's segments of a result; None when the node was deleted."""
    return segmentation_node.GetNodeReference(role)


def labels_sha256(labels: VolumePart[np.uint8]) -> str:
    """Equal labels have equal digests, however much background a part has around its foreground."""
    digest = hashlib.sha256(repr(labels.geometry.shape).encode())
    box = bounding_box(labels.values)
    if box is not None:
        digest.update(repr((list(box.within(labels.box).start), box.shape)).encode())
        digest.update(labels.values[box.slices].tobytes())
    return digest.hexdigest()
