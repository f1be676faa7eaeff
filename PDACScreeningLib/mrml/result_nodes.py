"""From the folder a screening left behind to nodes of the scene. Nothing that was there is changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from PDACScreeningLib.mrml.ct_volume_node import geometry_of
from PDACScreeningLib.mrml.network_segments import show_networks
from PDACScreeningLib.mrml.probability_node import show_probability
from PDACScreeningLib.mrml.result_record import (
    AI_ROLE,
    NETWORKS_ROLE,
    PROBABILITY_ROLE,
    REPORT_ROLE,
    VOLUME_ROLE,
    ResultRecord,
    labels_sha256,
    referenced,
    write_record,
)
from PDACScreeningLib.mrml.segmentation_node import show_segmentation
from PDACScreeningLib.mrml.subject_hierarchy import place_in_folder
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.session.result_folder import REPORT
from PDACScreeningLib.session.stored_result import StoredResult, read_parts
from PDACScreeningLib.volume.part import VolumePart

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSegmentationNode

SHOWN = (Outcome.SUSPICIOUS, Outcome.NOT_SUSPICIOUS, Outcome.INDETERMINATE)


def show_result(
    scene: vtkMRMLScene,
    result_folder: Path,
    volume_node: vtkMRMLScalarVolumeNode,
    stored: StoredResult | None = None,
) -> vtkMRMLSegmentationNode:
    """A new result: the segments to read and edit, the AI's segments kept untouched and hidden, the probability.

    stored: the content of the folder where it has been read already. An INDETERMINATE outcome has empty segments, so
    that it is seen and kept like any other. Raises ValueError for an outcome that is not shown in the scene (REJECTED,
    FAILED, CANCELLED), PDACScreeningError when a file cannot be read, GeometryMismatch when the result belongs to
    another grid than the volume's.
    """
    stored = stored or read_parts(result_folder)
    screening, found = stored.screening, stored.labels
    if screening.outcome not in SHOWN:
        raise ValueError(f"{screening.outcome} is not a result that can be shown")
    labels = found if found is not None else VolumePart.empty(np.uint8, geometry_of(volume_node))
    name = f"PDAC screening of {volume_node.GetName()}"
    node = show_segmentation(scene, labels, volume_node, name, screening.model, stored.anatomy)
    node.SetNodeReferenceID(VOLUME_ROLE, volume_node.GetID())
    if found is not None:
        _add_evidence(scene, node, stored, found, volume_node)
    _add_report(scene, node, result_folder)
    place_in_folder(scene, _nodes_of(node), volume_node, name)
    write_record(node, ResultRecord(screening, labels_sha256(labels), volume_node.GetName()))
    return node


def _add_evidence(
    scene: vtkMRMLScene,
    node: vtkMRMLSegmentationNode,
    stored: StoredResult,
    labels: VolumePart[np.uint8],
    volume_node: vtkMRMLScalarVolumeNode,
) -> None:
    """What stays as the AI left it."""
    name, model = node.GetName(), stored.screening.model
    untouched = show_segmentation(scene, labels, volume_node, f"{name} (AI, untouched)", model)
    untouched.GetDisplayNode().SetVisibility(False)
    node.SetNodeReferenceID(AI_ROLE, untouched.GetID())
    if stored.network_labels is not None:
        networks = show_networks(scene, stored.network_labels, volume_node, f"{name} (each network)", model)
        node.SetNodeReferenceID(NETWORKS_ROLE, networks.GetID())
    if stored.tumor_probability is not None:
        shown = show_probability(scene, stored.tumor_probability, volume_node, f"{name} (tumor probability)")
        node.SetNodeReferenceID(PROBABILITY_ROLE, shown.GetID())


def _add_report(scene: vtkMRMLScene, node: vtkMRMLSegmentationNode, result_folder: Path) -> None:
    """The page that the command line leaves beside its result, kept with the scene; a result without one has none."""
    try:
        text = (result_folder / REPORT).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    report = scene.AddNewNodeByClass("vtkMRMLTextNode", scene.GenerateUniqueName(f"{node.GetName()} (report)"))
    report.SetHideFromEditors(True)
    report.SetForceCreateStorageNode(report.CreateStorageNodeAlways)  # a file of its own: pictures make it long
    report.SetText(text)
    node.SetNodeReferenceID(REPORT_ROLE, report.GetID())


def _nodes_of(node: vtkMRMLSegmentationNode) -> list[vtkMRMLNode]:
    """Everything that belongs to a result, itself first."""
    others = (referenced(node, role) for role in (AI_ROLE, PROBABILITY_ROLE, NETWORKS_ROLE, REPORT_ROLE))
    return [node, *(other for other in others if other is not None)]
