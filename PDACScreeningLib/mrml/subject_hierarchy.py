"""Where a result appears in the tree of the Data module: beside its CT, in the same study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLScene


def place_beside(scene: vtkMRMLScene, node: vtkMRMLNode, volume_node: vtkMRMLScalarVolumeNode) -> None:
    """Move a node under the parent of the CT.

    Slicer makes the items when nodes are added; where nobody has made them (a scene without the application), they are
    made here.
    """
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume_item, item = tree.GetItemByDataNode(volume_node), tree.GetItemByDataNode(node)
    parent = tree.GetItemParent(volume_item) if volume_item else tree.GetSceneItemID()
    if item:
        tree.SetItemParent(item, parent)
    else:
        tree.CreateItem(parent, node)
