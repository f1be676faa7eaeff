"""One patient on screen: views show the CT of the chosen result, its segments and its map, and no other result's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from PDACScreeningLib.mrml.result_record import (
    AI_ROLE,
    NETWORKS_ROLE,
    PROBABILITY_ROLE,
    RESULT_ATTRIBUTE,
    VOLUME_ROLE,
    referenced,
)

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSegmentationNode


def results_of(scene: vtkMRMLScene, volume_node: vtkMRMLScalarVolumeNode | None) -> list[vtkMRMLSegmentationNode]:
    """The results of a CT, oldest first."""
    return [node for node in all_results(scene) if referenced(node, VOLUME_ROLE) is volume_node]


def all_results(scene: vtkMRMLScene) -> list[vtkMRMLSegmentationNode]:
    """Every result of the scene, oldest first."""
    return [node for node in nodes_of(scene, "vtkMRMLSegmentationNode") if node.GetAttribute(RESULT_ATTRIBUTE)]


def newest_results(scene: vtkMRMLScene) -> dict[str, vtkMRMLSegmentationNode]:
    """The newest result of each CT that has one, by the id of the CT."""
    found = ((referenced(result, VOLUME_ROLE), result) for result in all_results(scene))
    return {volume.GetID(): result for volume, result in found if volume is not None}


def show_only(
    scene: vtkMRMLScene,
    segmentation_node: vtkMRMLSegmentationNode | None,
    volume_node: vtkMRMLScalarVolumeNode | None,
) -> bool:
    """Show a result over its CT and hide what belongs to other results. Returns whether a view got another CT.

    segmentation_node: None hides every result. volume_node: None leaves the CT of the views. A foreground that is no
    map of ours (a PET, another phase) stays over its own CT.
    """
    for result in all_results(scene):
        _set_visible(result, result is segmentation_node)
    _take_off_maps(scene, referenced(segmentation_node, PROBABILITY_ROLE) if segmentation_node is not None else None)
    return volume_node is not None and show_volume(scene, volume_node)


def show_volume(scene: vtkMRMLScene, volume_node: vtkMRMLScalarVolumeNode) -> bool:
    """Put a CT behind everything in every slice view. Returns whether a view showed another one before."""
    views = [view for view in slice_views(scene) if view.GetBackgroundVolumeID() != volume_node.GetID()]
    for view in views:
        view.SetBackgroundVolumeID(volume_node.GetID())
        if view.GetForegroundVolumeID() not in _maps(scene, volume_node):  # of the patient that was there before
            view.SetForegroundVolumeID(None)
    return bool(views)


def slice_views(scene: vtkMRMLScene) -> list[Any]:
    """What each slice view shows."""
    return list(nodes_of(scene, "vtkMRMLSliceCompositeNode"))


def nodes_of(scene: vtkMRMLScene, kind: str) -> Iterator[Any]:
    """The nodes of a class, in the order in which they came."""
    nodes = scene.GetNodesByClass(kind)
    nodes.UnRegister(None)
    return (nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems()))


def _set_visible(result: vtkMRMLSegmentationNode, visible: bool) -> None:
    display = result.GetDisplayNode()
    if display is not None:
        display.SetVisibility(visible)
    networks, untouched = referenced(result, NETWORKS_ROLE), referenced(result, AI_ROLE)
    if networks is not None and networks.GetDisplayNode() is not None:
        networks.GetDisplayNode().SetVisibility(visible)
    if untouched is not None and not visible and untouched.GetDisplayNode() is not None:
        untouched.GetDisplayNode().SetVisibility(False)


def _take_off_maps(scene: vtkMRMLScene, kept: Any) -> None:
    """Take the tumor probability of every result but one off the views."""
    others = _maps(scene) - {kept.GetID() if kept is not None else None}
    for view in slice_views(scene):
        if view.GetForegroundVolumeID() in others:
            view.SetForegroundVolumeID(None)


def _maps(scene: vtkMRMLScene, volume_node: vtkMRMLScalarVolumeNode | None = None) -> set[str | None]:
    """Ids of the tumor probabilities of all results, or of those of one CT."""
    results = all_results(scene) if volume_node is None else results_of(scene, volume_node)
    found = (referenced(result, PROBABILITY_ROLE) for result in results)
    return {node.GetID() for node in found if node is not None}
