"""LabelMap <-> a segmentation node with the segments Pancreas and Tumor, on the grid of the CT."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import vtk

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.mrml.ct_volume_node import geometry_of
from PDACScreeningLib.mrml.oriented_image import MaskPart, mask_part, oriented_image
from PDACScreeningLib.mrml.result_record import labels_sha256
from PDACScreeningLib.report.segment_terminology import SegmentDescription, anatomy_segments, segment_terminology
from PDACScreeningLib.report.segmentation_file import algorithm_name, notice
from PDACScreeningLib.screening_result import ModelFacts
from PDACScreeningLib.volume.anatomy import AnatomyPart
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

if TYPE_CHECKING:
    from slicer import (
        vtkMRMLScalarVolumeNode,
        vtkMRMLScene,
        vtkMRMLSegmentationNode,
        vtkMRMLSegmentEditorNode,
        vtkSegment,
    )

EDITOR_TAG = "PDACScreening"
ALGORITHM_TYPE = "DICOM.SegmentAlgorithmType"
AUTOMATIC, SEMIAUTOMATIC = "AUTOMATIC", "SEMIAUTOMATIC"
STATUS = "Segmentation.Status"  # the tag behind the status column of every segment table
_OUTLINE_OPACITY, _FILL_OPACITY = 1.0, 0.25
_OUTLINE_PIXELS = 2
_PANCREAS_OPACITY_3D = 0.3  # a tumor inside the pancreas must be seen


def show_segmentation(
    scene: vtkMRMLScene,
    labels: VolumePart[np.uint8],
    volume_node: vtkMRMLScalarVolumeNode,
    name: str,
    model: ModelFacts | None,
    anatomy: AnatomyPart | None = None,
) -> vtkMRMLSegmentationNode:
    """A new segmentation node with both segments, outlined in 2D, under the transform of the CT and beside it.

    anatomy: vessels and ducts of the same grid, as segments of their own that no score counts.
    labels: values of Label; one without voxels gives an empty segment, ready to be painted. Raises GeometryMismatch
    when they lie on another grid than the CT.
    """
    node = new_segmentation(scene, labels.geometry, volume_node, name)
    for segment in segment_terminology().segments:
        add_segment(node, segment, labels, volume_node, model)
        if segment.label == Label.PANCREAS:
            node.GetDisplayNode().SetSegmentOpacity3D(segment.id, _PANCREAS_OPACITY_3D)
    if anatomy is not None:
        for segment in anatomy_segments(anatomy.looked_at):
            add_segment(node, segment, anatomy.part, volume_node, model)
    return node


def new_segmentation(
    scene: vtkMRMLScene, geometry: Geometry, volume_node: vtkMRMLScalarVolumeNode, name: str
) -> vtkMRMLSegmentationNode:
    """A new segmentation node without segments. Raises GeometryMismatch where `geometry` is not the grid of the CT."""
    if not geometry.is_close(geometry_of(volume_node)):
        raise GeometryMismatch("the label map lies on another grid than the CT: it belongs to another scan")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    _outline(node.GetDisplayNode())
    return node


def add_segment(
    node: vtkMRMLSegmentationNode,
    segment: SegmentDescription,
    labels: VolumePart[np.uint8],
    volume_node: vtkMRMLScalarVolumeNode,
    model: ModelFacts | None,
) -> None:
    """One more segment: where `labels` have its value; without such voxels it is empty."""
    color = [value / 255 for value in segment.rgb]
    mask = labels.values == segment.label
    box = bounding_box(mask)
    if box is None:
        node.GetSegmentation().AddEmptySegment(segment.id, segment.name, color)
    else:
        image = oriented_image(mask[box.slices], box.within(labels.box), volume_node)
        node.AddSegmentFromBinaryLabelmapRepresentation(image, segment.name, color, segment.id)
    _tag(segment_node(node, segment.id), segment, model)


def labels_from_segmentation(
    segmentation_node: vtkMRMLSegmentationNode, volume_node: vtkMRMLScalarVolumeNode
) -> VolumePart[np.uint8]:
    """The segments Pancreas and Tumor as labels on the CT's grid; where they overlap, tumor wins.

    Only the box around them is made. A segment that was deleted counts as empty; segments of other names do not count
    (`foreign_segments` names them). Raises GeometryMismatch when the segmentation is under another transform than the
    CT.
    """
    geometry, parts = geometry_of(volume_node), _parts(segmentation_node, volume_node)
    if not parts:
        return VolumePart.empty(np.uint8, geometry)
    box = reduce(Box.around, (part.box for _, part in parts))
    labels = np.zeros(box.shape, np.uint8)
    for label, part in parts:
        labels[part.box.relative_to(box).slices][part.mask] = label
    return VolumePart(labels, box, geometry)


def segments_sha256(segmentation_node: vtkMRMLSegmentationNode, volume_node: vtkMRMLScalarVolumeNode) -> str:
    """`labels_sha256` of `labels_from_segmentation`. Raises GeometryMismatch as that does."""
    return labels_sha256(labels_from_segmentation(segmentation_node, volume_node))


def pancreas_centroid_lps_mm(segmentation_node: vtkMRMLSegmentationNode) -> tuple[float, float, float] | None:
    """Middle of the box around pancreas and tumor, in the frame of the segmentation; None when both are empty."""
    corners = []
    for item in segment_terminology().segments:
        own = segment_node(segmentation_node, item.id)
        bounds = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0]
        if own is not None:
            own.GetBounds(bounds)
        if bounds[0] <= bounds[1]:
            corners += [bounds[::2], bounds[1::2]]
    if not corners:
        return None
    right, front, up = (np.min(corners, axis=0) + np.max(corners, axis=0)) / 2
    return (-float(right), -float(front), float(up))


def foreign_segments(segmentation_node: vtkMRMLSegmentationNode) -> tuple[str, ...]:
    """Names of segments a reviewer added, which no score counts."""
    terminology, segmentation = segment_terminology(), segmentation_node.GetSegmentation()
    own = {item.id for item in (*terminology.segments, *terminology.anatomy)}
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return tuple(segmentation.GetSegment(identifier).GetName() for identifier in ids if identifier not in own)


def segment_node(segmentation_node: vtkMRMLSegmentationNode, segment_id: str) -> vtkSegment | None:
    """One segment by its id; None when it was deleted."""
    segmentation = segmentation_node.GetSegmentation()
    index = segmentation.GetSegmentIndex(segment_id)  # GetSegment complains aloud about an unknown id
    return segmentation.GetNthSegment(index) if index >= 0 else None


def show_surface(segmentation_node: vtkMRMLSegmentationNode, visible: bool) -> None:
    """Make and show the closed surfaces of the segments, or hide them. They follow edits while they exist."""
    if visible:
        segmentation_node.CreateClosedSurfaceRepresentation()
    segmentation_node.GetDisplayNode().SetVisibility3D(visible)


def segment_editor_node(scene: vtkMRMLScene) -> vtkMRMLSegmentEditorNode:
    """The editor node of this module, apart from the one of the Segment Editor module.

    Segments may overlap: painting tumor must not eat the pancreas around it.
    """
    node = scene.GetSingletonNode(EDITOR_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag(EDITOR_TAG)
        node = scene.AddNode(node)
    node.SetOverwriteMode(node.OverwriteNone)
    return node


def keep_algorithm_types(
    segmentation_node: vtkMRMLSegmentationNode,
    ai_node: vtkMRMLSegmentationNode,
    volume_node: vtkMRMLScalarVolumeNode,
) -> None:
    """An exported DICOM SEG calls a segment SEMIAUTOMATIC while it differs from the AI's, and AUTOMATIC otherwise.

    Raises GeometryMismatch as `segments_sha256` does.
    """
    own, untouched = (_digests(node, volume_node) for node in (segmentation_node, ai_node))
    for item in segment_terminology().segments:
        segment = segment_node(segmentation_node, item.id)
        kind = AUTOMATIC if own.get(item.label) == untouched.get(item.label) else SEMIAUTOMATIC
        if segment is not None and algorithm_type(segment) != kind:  # setting a tag is an event that we listen to
            segment.SetTag(ALGORITHM_TYPE, kind)


def algorithm_type(segment: vtkSegment) -> str:
    """How an exported DICOM SEG says a segment was made."""
    value = vtk.reference("")
    return str(value) if segment.GetTag(ALGORITHM_TYPE, value) else ""


def _digests(segmentation_node: vtkMRMLSegmentationNode, volume_node: vtkMRMLScalarVolumeNode) -> dict[int, str]:
    """Digest of each segment that has voxels, by label."""
    geometry = geometry_of(volume_node)
    parts = _parts(segmentation_node, volume_node)
    return {label: labels_sha256(VolumePart(part.mask.view(np.uint8), part.box, geometry)) for label, part in parts}


def _parts(
    segmentation_node: vtkMRMLSegmentationNode, volume_node: vtkMRMLScalarVolumeNode
) -> list[tuple[int, MaskPart]]:
    """Label and voxels of each segment that has any, tumor last. Raises GeometryMismatch for another transform."""
    if segmentation_node.GetTransformNodeID() != volume_node.GetTransformNodeID():
        raise GeometryMismatch("the segments and the CT are under different transforms: put them under the same one")
    parts = []
    for segment in sorted(segment_terminology().segments, key=lambda segment: segment.label):
        own = segment_node(segmentation_node, segment.id)
        image = segmentation_node.GetBinaryLabelmapInternalRepresentation(segment.id) if own is not None else None
        part = mask_part(image, own.GetLabelValue(), volume_node) if own is not None and image is not None else None
        if part is not None:
            parts.append((segment.label, part))
    return parts


def _tag(segment: vtkSegment, description: SegmentDescription, model: ModelFacts | None) -> None:
    tags = {
        segment.GetTerminologyEntryTagName(): segment_terminology().entry(description),
        ALGORITHM_TYPE: AUTOMATIC,
        "DICOM.SegmentAlgorithmName": algorithm_name(model),
        "PDACScreening.Notice": notice(model),
        STATUS: "notstarted",
    }
    for name, value in tags.items():
        segment.SetTag(name, value)


def _outline(display: Any) -> None:
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DFill(_FILL_OPACITY)
    display.SetOpacity2DOutline(_OUTLINE_OPACITY)
    display.SetSliceIntersectionThickness(_OUTLINE_PIXELS)
    display.SetVisibility3D(False)
