"""Stand-ins for `slicer.ScriptedLoadableModule`: the four base classes of a scripted module."""

from __future__ import annotations

import types
import unittest
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtWidgets


class ScriptedLoadableModule:
    """Describes a module. `parent` is the C++ module, here any object with a `path`."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        for name, value in {
            "title": "",
            "categories": [],
            "contributors": [],
            "helpText": "",
            "acknowledgementText": "",
            "hidden": False,
            "dependencies": [],
        }.items():
            setattr(parent, name, value)

    def resourcePath(self, name: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / name)

    def getDefaultModuleDocumentationLink(self) -> str:
        return ""

    def runTest(self, msec: int = 0, **_arguments: Any) -> None:
        """Run the module's own self-test."""


class ScriptedLoadableModuleWidget:
    """The panel of a module."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        if parent is None:
            parent = slicer.qMRMLWidget()
            parent.setLayout(QtWidgets.QVBoxLayout())
            parent.setMRMLScene(slicer.mrmlScene)
        self.parent = parent
        self.layout = parent.layout()

    def resourcePath(self, name: str) -> str:
        module = getattr(slicer.modules, self.moduleName.lower())
        return str(Path(module.path).parent / "Resources" / name)

    def setup(self) -> None:
        """The reload section of developer mode is not imitated."""

    def cleanup(self) -> None:
        """Called when the module goes away."""

    def enter(self) -> None:
        """Called when the module is shown."""

    def exit(self) -> None:
        """Called when another module is shown."""

    def onReload(self) -> None:
        """The button Reload of developer mode."""
        slicer.util.reloadScriptedModule(self.moduleName)


class ScriptedLoadableModuleLogic:
    """Keeps the module's parameter node, one per scene."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> Any:
        found = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        return found or self.createParameterNode()

    def createParameterNode(self) -> Any:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(self.moduleName)
        node.SetModuleName(self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return slicer.mrmlScene.AddNode(node)


class ScriptedLoadableModuleTest(unittest.TestCase):
    """A self-test that runs inside Slicer."""

    def __init__(self, *_arguments: Any, **_keywords: Any) -> None:
        super().__init__()

    def delayDisplay(self, message: str, *_arguments: Any, **_keywords: Any) -> None:
        slicer.app.processEvents()

    def runTest(self) -> None:
        """Overridden by the module."""


def scripted_module() -> types.ModuleType:
    """The module `slicer.ScriptedLoadableModule`."""
    module = types.ModuleType("slicer.ScriptedLoadableModule")
    classes = (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    )
    for cls in classes:
        setattr(module, cls.__name__, cls)
    module.__dict__["__all__"] = [cls.__name__ for cls in classes]
    return module


def translation_module() -> types.ModuleType:
    """The module `slicer.i18n`, without translations."""
    module = types.ModuleType("slicer.i18n")
    module.__dict__["tr"] = lambda text: text
    module.__dict__["translate"] = lambda _context, text: text
    return module
