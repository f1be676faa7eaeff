"""Loads a Qt Designer file, with stand-ins where it names widgets of ctk and qMRML."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

from PySide6 import QtCore, QtUiTools

from slicer_host.pythonqt import pythonqt_manners

stand_ins: dict[str, type] = {}


def stand_in(cls: type) -> type:
    """Register a widget class under its own name for Designer files."""
    stand_ins[cls.__name__] = pythonqt_manners(cls)
    return cls


class UiLoader(QtUiTools.QUiLoader):
    """Raises on what a real Slicer would only complain about: unknown classes and dangling connections."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        for cls in stand_ins.values():
            self.registerCustomWidget(cls)

    def load(self, file: QtCore.QIODevice, *arguments: Any) -> Any:
        root = ElementTree.fromstring(bytes(file.readAll().data()))
        self._check_classes(root)
        connections = root.find("connections")
        if connections is not None:
            _check_connections(root, connections)
            root.remove(connections)  # their C++ types are unknown to PySide; qMRMLWidget hands the scene on by itself
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        return super().load(buffer, *arguments)

    def _check_classes(self, root: ElementTree.Element) -> None:
        used = {widget.get("class") for widget in root.iter("widget")}
        declared = {custom.findtext("class") for custom in root.iter("customwidget")}
        unknown = used - set(stand_ins) - set(self.availableWidgets())
        if unknown:
            raise RuntimeError(f"the .ui file uses widgets this host does not know: {sorted(map(str, unknown))}")
        undeclared = (used & set(stand_ins)) - declared
        if undeclared:
            raise RuntimeError(f"custom widgets are missing from <customwidgets>: {sorted(map(str, undeclared))}")


def _check_connections(root: ElementTree.Element, connections: ElementTree.Element) -> None:
    names = {widget.get("name") for widget in root.iter("widget")}
    for connection in connections:
        for end in ("sender", "receiver"):
            if connection.findtext(end) not in names:
                raise RuntimeError(f"a .ui connection names no widget {connection.findtext(end)}")
