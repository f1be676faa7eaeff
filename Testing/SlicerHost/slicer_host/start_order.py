"""A module is brought up in the order of Slicer (qSlicerApplicationHelper, qSlicerCoreApplication).

1. Modules are instantiated: the file is executed, and `PDACScreening(parent)` is made. `sys.executable` is empty.
2. The module that opens first is set up. `sys.executable` is still empty.
3. `startupCompleted()`.
4. The command line is read; only now `sys.executable` becomes the launcher PythonSlicer.
"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtWidgets


def start_module(path: Path) -> Any:
    """Go through the four steps with the module in `path`. Only its own folder is on the path, as in Slicer."""
    name, sys.executable = path.stem, ""
    sys.path.insert(0, str(path.parent))
    python_module = importlib.import_module(name)
    parent = types.SimpleNamespace(path=str(path), name=name, widgetRepresentation=None)
    setattr(slicer.modules, name.lower(), parent)
    getattr(python_module, name)(parent)
    panel = new_panel(getattr(python_module, f"{name}Widget"))
    panel.enter()
    for receiver in slicer.app.on_startup:
        receiver()
    sys.executable = str(slicer._launcher)
    panel.cleanup()
    slicer.mrmlScene.Clear(0)
    return python_module


def new_panel(widget_class: Any) -> Any:
    """A panel of a module, set up in a parent that is open."""
    parent = slicer.qMRMLWidget()
    parent.setLayout(QtWidgets.QVBoxLayout())
    parent.setMRMLScene(slicer.mrmlScene)
    parent.isEntered = True
    widget = widget_class(parent)
    widget.setup()
    return widget
