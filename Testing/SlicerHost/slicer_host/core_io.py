"""What `slicer.util.load*` and `save*` call: real MRML storage nodes, of which only the table of file types is ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

NODES = {  # file type -> class of the node, class of its storage node
    "VolumeFile": ("vtkMRMLScalarVolumeNode", "vtkMRMLVolumeArchetypeStorageNode"),
    "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode"),
    "TableFile": ("vtkMRMLTableNode", "vtkMRMLTableStorageNode"),
    "TextFile": ("vtkMRMLTextNode", "vtkMRMLTextStorageNode"),
    "ModelFile": ("vtkMRMLModelNode", "vtkMRMLModelStorageNode"),
}
ENDINGS = {
    ".seg.nrrd": "SegmentationFile",
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".csv": "TableFile",
    ".txt": "TextFile",
    ".vtk": "ModelFile",
}


class CoreIOManager:
    """Stands in for qSlicerCoreIOManager."""

    def fileType(self, path: str) -> str:
        return next((kind for ending, kind in ENDINGS.items() if path.endswith(ending)), "VolumeFile")

    def fileWriterFileType(self, node: Any) -> str:
        kinds = {node_class: kind for kind, (node_class, _) in NODES.items()}
        return kinds.get(node.GetClassName(), "VolumeFile")

    def loadNodes(self, kind: str, properties: dict[str, Any], nodes: Any = None, _messages: Any = None) -> bool:
        path, scene = Path(properties["fileName"]), slicer.mrmlScene
        if kind == "SceneFile":
            return _load_scene(scene, path)
        if not path.exists():
            return False
        node_class, storage_class = NODES[kind]
        name = scene.GenerateUniqueName(properties.get("name") or path.name.partition(".")[0])
        node, storage = scene.AddNewNodeByClass(node_class, name), scene.AddNewNodeByClass(storage_class)
        storage.SetFileName(str(path))
        if not storage.ReadData(node):
            scene.RemoveNode(storage)
            scene.RemoveNode(node)
            return False
        node.SetAndObserveStorageNodeID(storage.GetID())
        node.CreateDefaultDisplayNodes()
        if nodes is not None:
            nodes.AddItem(node)
        return True

    def saveNodes(self, kind: str, properties: dict[str, Any], _messages: Any = None) -> bool:
        path, scene = Path(properties["fileName"]), slicer.mrmlScene
        if kind == "SceneFile":
            return _save_scene(scene, path)
        node = scene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(str(path))
        return bool(node.GetStorageNode().WriteData(node))


def _load_scene(scene: Any, path: Path) -> bool:
    if path.suffix == ".mrb":
        return bool(scene.ReadFromMRB(str(path), True))
    scene.SetURL(str(path))
    return bool(scene.Connect())


def _save_scene(scene: Any, path: Path) -> bool:
    if path.suffix == ".mrb":
        return bool(scene.WriteToMRB(str(path)))
    scene.SetURL(str(path))
    scene.SetRootDirectory(str(path.parent))
    return bool(scene.Commit())
