"""Stand-ins for the qMRML widgets: real Qt widgets that really observe the scene, with the public names modules use."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from slicer_host.ui_loader import stand_in, stand_ins

_CHANGES = ("NodeAddedEvent", "NodeRemovedEvent", "EndBatchProcessEvent")
_REPLACEMENTS = ("EndCloseEvent", "EndImportEvent")  # after which qMRMLSceneModel takes all its rows out and in again


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
        heard = dict.fromkeys(_CHANGES, self._on_scene) | dict.fromkeys(_REPLACEMENTS, self._on_scene_replaced)
        self.__dict__["_tags"] = [
            scene.AddObserver(getattr(slicer.vtkMRMLScene, name), receiver)
            for name, receiver in (heard.items() if scene else ())
        ]
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
        else:  # also a node that is not offered: the real one then shows none
            self._box.setCurrentIndex(-1)

    def nodeCount(self) -> int:
        return len(self._nodes())

    def addAttribute(self, kind: str, name: str, value: str | None = None) -> None:
        """Offer only nodes of this class that have the attribute."""
        self._attributes.append((kind, name, value))
        self._refresh()

    def _on_scene(self, *_arguments: Any) -> None:
        if not self._scene.IsImporting():
            self._refresh()

    def _on_scene_replaced(self, *_arguments: Any) -> None:
        self._box.setCurrentIndex(-1)  # the selection goes with its row, and says so
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
    """The real vtkSlicerSegmentEditorLogic behind a widget without effects: tests paint and undo through that logic."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.__dict__.update(_editor=None, _effect="", undo_states=10, _logic=slicer.vtkSlicerSegmentEditorLogic())
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self.__dict__.update(has_keys=False, has_views=False, _auto_show=True)

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        self._logic.SetMRMLScene(scene)

    def logic(self) -> Any:
        return self._logic

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        _require(node, "vtkMRMLSegmentEditorNode")
        self.__dict__["_editor"] = node
        self._logic.SetSegmentEditorNode(node)

    def mrmlSegmentEditorNode(self) -> Any:
        return self._editor

    def setSegmentationNode(self, node: Any) -> None:
        _require(node, "vtkMRMLSegmentationNode")
        if self._editor is not None:
            self._editor.SetAndObserveSegmentationNode(node)
        elif node is not None:
            raise RuntimeError("the segment editor needs its editor node before a segmentation")

    def setSourceVolumeNode(self, node: Any) -> None:
        _require(node, "vtkMRMLScalarVolumeNode")
        if self.segmentationNode() is None:
            if node is not None:
                raise RuntimeError("set the segmentation before the source volume, or the editor forgets the volume")
            return
        if node is not None and node is not self.sourceVolumeNode() and self._auto_show:
            self._show_in_slice_views(node)
        self._editor.SetAndObserveSourceVolumeNode(node)

    def _show_in_slice_views(self, node: Any) -> None:
        """What the real editor does to every view that shows another volume, unless it is told not to."""
        for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if node.GetID() not in (view.GetBackgroundVolumeID(), view.GetForegroundVolumeID()):
                view.SetBackgroundVolumeID(node.GetID())
                view.SetForegroundVolumeID(None)
                view.SetLabelVolumeID(None)

    def segmentationNode(self) -> Any:
        return self._editor.GetSegmentationNode() if self._editor is not None else None

    def sourceVolumeNode(self) -> Any:
        return self._editor.GetSourceVolumeNode() if self._editor is not None else None

    def setCurrentSegmentID(self, identifier: str) -> None:
        if self.segmentationNode().GetSegmentation().GetSegment(identifier) is None:
            raise ValueError(f"there is no segment {identifier}")
        self._editor.SetSelectedSegmentID(identifier)

    def setActiveEffect(self, effect: Any) -> None:
        self.__dict__["_effect"] = effect

    def setupViewObservations(self) -> None:
        self.__dict__["has_views"] = True

    def removeViewObservations(self) -> None:
        self.__dict__["has_views"] = False

    def undo(self) -> None:
        """Ctrl+Z."""
        self._logic.Undo()

    def redo(self) -> None:
        """Ctrl+Y."""
        self._logic.Redo()

    def setActiveEffectByName(self, name: str) -> None:
        self.__dict__["_effect"] = name

    def setEffectNameOrder(self, _names: list[str]) -> None:
        """No effects here."""

    def setMaximumNumberOfUndoStates(self, states: int) -> None:
        self.__dict__["undo_states"] = states
        self._logic.SetMaximumNumberOfUndoStates(states)

    def setUndoEnabled(self, _enabled: bool) -> None:
        """No undo stack here."""

    def saveStateForUndo(self) -> None:
        """What an effect does before it changes a segment."""
        self._logic.SaveStateForUndo()

    def installKeyboardShortcuts(self, _parent: Any = None) -> None:
        """In Slicer the digits choose effects from now on, also while the editor cannot be seen."""
        self.__dict__["has_keys"] = True

    def uninstallKeyboardShortcuts(self) -> None:
        self.__dict__["has_keys"] = False

    def rotateSliceViewsToSegmentation(self) -> None:
        """No views here."""

    unorderedEffectsVisible = QtCore.Property(bool, lambda _self: True, lambda _self, _value: None)
    segmentationNodeSelectorVisible = QtCore.Property(bool, lambda _self: True, lambda _self, _value: None)
    sourceVolumeNodeSelectorVisible = QtCore.Property(bool, lambda _self: True, lambda _self, _value: None)
    autoShowSourceVolumeNode = QtCore.Property(
        bool, lambda self: self._auto_show, lambda self, value: self.__dict__.__setitem__("_auto_show", value)
    )
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
