"""Where a result appears in the tree of the Data module: in a folder beside its CT, in the same study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import slicer

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLScene


def place_in_folder(
    scene: vtkMRMLScene, nodes: Sequence[vtkMRMLNode], volume_node: vtkMRMLScalarVolumeNode, name: str
) -> None:
    """Put the nodes of a result into a folder of their own, under the parent of the CT.

    Slicer makes the items when nodes are added; where nobody has made them (a scene without the application), they are
    made here.
    """
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume_item = tree.GetItemByDataNode(volume_node)
    parent = tree.GetItemParent(volume_item) if volume_item else tree.GetSceneItemID()
    folder = tree.CreateFolderItem(parent, tree.GenerateUniqueItemName(name))
    for node in nodes:
        item = tree.GetItemByDataNode(node)
        if item:
            tree.SetItemParent(item, folder)
        else:
            tree.CreateItem(folder, node)
