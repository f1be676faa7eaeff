"""Stand-ins for the qMRML widgets: real Qt widgets that really observe the scene, with the public names modules use."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from slicer_host.ui_loader import stand_in, stand_ins

_SCENE_EVENTS = ("NodeAddedEvent", "NodeRemovedEvent", "EndBatchProcessEvent", "EndCloseEvent", "EndImportEvent")


@stand_in
class qMRMLWidget(QtWidgets.QWidget):
    """Hands its scene on to the widgets inside, as the connections of a .ui file do in Slicer."""

    mrmlSceneChanged = QtCore.Signal(object)
    cxx_signals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def setMRMLScene(self, scene: Any) -> None:
        self.__dict__["_scene"] = scene
        for child in self.findChildren(QtWidgets.QWidget):
            if hasattr(child, "setMRMLScene") and not isinstance(child, qMRMLWidget):
                child.setMRMLScene(scene)
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self.__dict__.get("_scene")


@stand_in
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Chooses a node of the scene by class."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAddedByUser = QtCore.Signal(object)
    cxx_signals = ("currentNodeChanged(vtkMRMLNode*)", "nodeAddedByUser(vtkMRMLNode*)")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.__dict__.update(_types=[], _scene=None, _ids=[], _tags=[], _options={}, _attributes=[])
        box = QtWidgets.QComboBox(self)
        self.__dict__["_box"] = box
        QtWidgets.QHBoxLayout(self).addWidget(box)
        box.currentIndexChanged.connect(lambda _index: self._announce())

    def setMRMLScene(self, scene: Any) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self.__dict__["_scene"] = scene
        events = [getattr(slicer.vtkMRMLScene, name) for name in _SCENE_EVENTS]
        self.__dict__["_tags"] = [scene.AddObserver(event, self._on_scene) for event in events] if scene else []
        self._refresh()

    def mrmlScene(self) -> Any:
        return self._scene

    def currentNode(self) -> Any:
        identifier = self._current_id()
        return self._scene.GetNodeByID(identifier) if self._scene and identifier else None

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if node else "")

    def setCurrentNodeID(self, identifier: str | None) -> None:
        if identifier and identifier not in self._ids:
            self._refresh()  # Slicer watches every node for attributes that it gains later
        if identifier in self._ids:
            self._box.setCurrentIndex(self._ids.index(identifier))
        elif not identifier:
            self._box.setCurrentIndex(-1)

    def nodeCount(self) -> int:
        return len(self._nodes())

    def addAttribute(self, kind: str, name: str, value: str | None = None) -> None:
        """Offer only nodes of this class that have the attribute."""
        self._attributes.append((kind, name, value))
        self._refresh()

    def _on_scene(self, *_arguments: Any) -> None:
        self._refresh()

    def _nodes(self) -> list[Any]:
        if not self._scene:
            return []
        nodes = [self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())]
        return [n for n in nodes if any(n.IsA(kind) for kind in self._types) and self._is_offered(n)]

    def _is_offered(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self._options.get("showHidden"):
            return False
        wanted = [(name, value) for kind, name, value in self._attributes if node.IsA(kind)]
        return all(
            node.GetAttribute(name) not in (None, "") and value in (None, node.GetAttribute(name))
            for name, value in wanted
        )

    def _refresh(self) -> None:
        before, nodes, box = self._current_id(), self._nodes(), self._box
        box.blockSignals(True)
        box.clear()
        empty = [""] if self._options.get("noneEnabled") else []
        self.__dict__["_ids"] = empty + [node.GetID() for node in nodes]
        box.addItems([self._options.get("noneDisplay", "None")] * len(empty) + [node.GetName() for node in nodes])
        box.setCurrentIndex(self._ids.index(before) if before in self._ids else 0 if self._ids else -1)
        box.blockSignals(False)
        if self._current_id() != before:
            self._announce()

    def _announce(self) -> None:
        self.currentNodeIDChanged.emit(self._current_id())
        self.currentNodeChanged.emit(self.currentNode())

    def _current_id(self) -> str:
        index = self._box.currentIndex
        return self._ids[index] if 0 <= index < len(self._ids) else ""

    def _node_types(self) -> list[str]:
        return self._types

    def _set_node_types(self, types: list[str]) -> None:
        self.__dict__["_types"] = list(types)
        self._refresh()

    nodeTypes = QtCore.Property("QStringList", _node_types, _set_node_types)
    currentNodeID = QtCore.Property(str, _current_id, setCurrentNodeID)


def _option(name: str, kind: type, default: Any) -> QtCore.Property:
    def read(self: Any) -> Any:
        return self._options.get(name, default)

    def write(self: Any, value: Any) -> None:
        self._options[name] = value
        self._refresh()

    return QtCore.Property(kind, read, write)


_FLAGS = {"noneEnabled": False, "addEnabled": True, "removeEnabled": True, "renameEnabled": False, "editEnabled": False}
_FLAGS |= {"showChildNodeTypes": True, "selectNodeUponCreation": True, "showHidden": False}
_TEXTS = {"noneDisplay": "None", "baseName": ""}
stand_in(
    type(
        "qMRMLNodeComboBox",
        (qMRMLNodeComboBox,),
        {"__module__": __name__}
        | {name: _option(name, bool, default) for name, default in _FLAGS.items()}
        | {name: _option(name, str, default) for name, default in _TEXTS.items()},
    )
)


@stand_in
class qMRMLSegmentEditorWidget(qMRMLWidget):
    """Holds the nodes an editor works on; there are no effects here, tests edit through the MRML API."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.__dict__.update(_editor=None, _segmentation=None, _volume=None, _effect="", undo_states=10)

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        _require(node, "vtkMRMLSegmentEditorNode")
        self.__dict__["_editor"] = node

    def mrmlSegmentEditorNode(self) -> Any:
        return self._editor

    def setSegmentationNode(self, node: Any) -> None:
        _require(node, "vtkMRMLSegmentationNode")
        if node is not None and self._editor is None:
            raise RuntimeError("the segment editor needs its editor node before a segmentation")
        self.__dict__["_segmentation"] = node
        if self._editor is not None:
            self._editor.SetAndObserveSegmentationNode(node)

    def setSourceVolumeNode(self, node: Any) -> None:
        _require(node, "vtkMRMLScalarVolumeNode")
        if node is not None and self._segmentation is None:
            raise RuntimeError("set the segmentation before the source volume, or the editor forgets the volume")
        self.__dict__["_volume"] = node
        if self._editor is not None:
            self._editor.SetAndObserveSourceVolumeNode(node)

    def segmentationNode(self) -> Any:
        return self._segmentation

    def sourceVolumeNode(self) -> Any:
        return self._volume

    def setCurrentSegmentID(self, identifier: str) -> None:
        if self._segmentation.GetSegmentation().GetSegment(identifier) is None:
            raise ValueError(f"there is no segment {identifier}")
        self._editor.SetSelectedSegmentID(identifier)

    def setActiveEffect(self, effect: Any) -> None:
        self.__dict__["_effect"] = effect

    def setupViewObservations(self) -> None:
        """No views here."""

    def removeViewObservations(self) -> None:
        """No views here."""

    def undo(self) -> None:
        """No undo stack here."""

    def redo(self) -> None:
        """No undo stack here."""

    def setActiveEffectByName(self, name: str) -> None:
        self.__dict__["_effect"] = name

    def setEffectNameOrder(self, _names: list[str]) -> None:
        """No effects here."""

    def setMaximumNumberOfUndoStates(self, states: int) -> None:
        self.__dict__["undo_states"] = states

    def setUndoEnabled(self, _enabled: bool) -> None:
        """No undo stack here."""

    def saveStateForUndo(self) -> None:
        """No undo stack here."""

    def installKeyboardShortcuts(self, _parent: Any = None) -> None:
        """No effects here."""

    def uninstallKeyboardShortcuts(self) -> None:
        """No effects here."""

    def rotateSliceViewsToSegmentation(self) -> None:
        """No views here."""

    unorderedEffectsVisible = QtCore.Property(bool, lambda _self: True, lambda _self, _value: None)
    maximumNumberOfUndoStates = QtCore.Property(
        int, lambda self: self.undo_states, lambda self, value: self.__dict__.__setitem__("undo_states", value)
    )


@stand_in
class qMRMLSegmentationShow3DButton(QtWidgets.QPushButton):
    """Shows closed surfaces of a segmentation."""

    def setSegmentationNode(self, node: Any) -> None:
        _require(node, "vtkMRMLSegmentationNode")
        self.__dict__["_segmentation"] = node


@stand_in
class qMRMLSegmentsTableView(qMRMLWidget):
    """A table of segments."""

    def setSegmentationNode(self, node: Any) -> None:
        _require(node, "vtkMRMLSegmentationNode")
        self.__dict__["_segmentation"] = node


class qSlicerScriptedLoadableModule:
    """The C++ side of a scripted module, named by type checks."""


stand_in(type("qMRMLSliderWidget", (stand_ins["ctkSliderWidget"],), {"__module__": __name__}))
stand_in(type("qMRMLCollapsibleButton", (stand_ins["ctkCollapsibleButton"],), {"__module__": __name__}))
stand_in(type("qSlicerWidget", (qMRMLWidget,), {"__module__": __name__}))
stand_in(type("qMRMLSpinBox", (QtWidgets.QDoubleSpinBox,), {"__module__": __name__}))
stand_in(type("qMRMLRangeWidget", (QtWidgets.QWidget,), {"__module__": __name__}))


def _require(node: Any, kind: str) -> None:
    if node is not None and not node.IsA(kind):
        raise TypeError(f"expected a {kind}, got {node.GetClassName()}")


def install_mrml_widgets() -> None:
    """Put the widgets where Slicer has them, into the module `slicer`."""
    for name, cls in stand_ins.items():
        if name.startswith(("qMRML", "qSlicer")):
            setattr(slicer, name, cls)
    slicer.qSlicerScriptedLoadableModule = qSlicerScriptedLoadableModule
