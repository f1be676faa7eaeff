"""A real MRML scene with real module logics, hung where Slicer puts them, and a stand-in for `slicer.app`."""

from __future__ import annotations

import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from slicer_host.core_io import CoreIOManager

LOGICS = {  # slicer.modules.<name> -> class, name under which other logics look for it
    "colors": ("vtkMRMLColorLogic", "Colors"),
    "volumes": ("vtkSlicerVolumesLogic", "Volumes"),
    "terminologies": ("vtkSlicerTerminologiesModuleLogic", "Terminologies"),
    "segmentations": ("vtkSlicerSegmentationsModuleLogic", "Segmentations"),
    "subjecthierarchy": ("vtkSlicerSubjectHierarchyModuleLogic", "SubjectHierarchy"),
    "transforms": ("vtkSlicerTransformLogic", "Transforms"),
    "texts": ("vtkSlicerTextsLogic", "Texts"),
    "tables": ("vtkSlicerTablesLogic", "Tables"),
}


class Module:
    """What `slicer.modules.<name>` gives."""

    def __init__(self, logic: Any, name: str, path: str = "") -> None:
        self._logic, self.name, self.path = logic, name, path

    def logic(self) -> Any:
        return self._logic


class Application:
    """Stands in for qSlicerApplication: no main window, no layout manager."""

    applicationName = "SlicerHost"
    majorVersion, minorVersion, revision = 5, 12, "0"
    applicationVersion = "5.12.0-host"
    documentationBaseUrl = ""

    def __init__(self, scene: Any, logic: Any, settings: Path) -> None:
        self._scene, self._logic, self._io = scene, logic, CoreIOManager()
        self._settings = str(settings)
        self.on_startup: list[Callable[[], None]] = []  # what modules connected to startupCompleted()

    @property
    def temporaryPath(self) -> str:
        return tempfile.gettempdir()

    def mrmlScene(self) -> Any:
        return self._scene

    def applicationLogic(self) -> Any:
        return self._logic

    def coreIOManager(self) -> CoreIOManager:
        return self._io

    ioManager = coreIOManager

    def connect(self, signal: str, receiver: Callable[[], None]) -> bool:
        if signal == "startupCompleted()":
            self.on_startup.append(receiver)
        return True

    def disconnect(self, _signal: str, _receiver: Callable[[], None]) -> bool:
        return True

    def userSettings(self) -> QtCore.QSettings:
        return QtCore.QSettings(self._settings, QtCore.QSettings.Format.IniFormat)

    settings = userSettings

    def moduleDocumentationUrl(self, _module: str) -> str:
        return ""

    def testingEnabled(self) -> bool:
        return True

    def translate(self, _context: str, text: str) -> str:
        return text

    def layoutManager(self) -> None:
        return None

    def moduleManager(self) -> Application:
        return self

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)

    def processEvents(self, *_flags: Any) -> None:
        QtWidgets.QApplication.processEvents()

    def topLevelWidgets(self) -> list[Any]:
        return QtWidgets.QApplication.topLevelWidgets()

    def palette(self) -> Any:
        return QtWidgets.QApplication.palette()

    def clipboard(self) -> Any:
        return QtWidgets.QApplication.clipboard()

    def pauseRender(self) -> None:
        """Nothing is rendered here."""

    resumeRender = pauseRender

    def setOverrideCursor(self, cursor: Any) -> None:
        QtWidgets.QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        QtWidgets.QApplication.restoreOverrideCursor()


def terminologies() -> Path:
    """Folder of the terminology lists that ship with Slicer; trame-slicer carries them."""
    import trame_slicer

    return Path(trame_slicer.__file__).parent / "resources" / "terminologies"


def start_application(folder: Path) -> Any:
    """Make the scene; put `mrmlScene`, `app` and `modules` into the module `slicer`. folder: for cache and settings."""
    for name in ("vtkITK", "vtkTeem", "vtkSegmentationCore"):
        sys.modules.setdefault(name, __import__(f"slicer_core.{name}", fromlist=["x"]))
    sys.modules.setdefault("vtkSegmentationCorePython", sys.modules["vtkSegmentationCore"])
    scene, logic = slicer.vtkMRMLScene(), slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    slicer.mrmlScene, slicer.modules = scene, _modules(scene, logic)
    slicer.app = Application(scene, logic, folder / "settings.ini")
    slicer._kept_alive = _file_access(scene, logic, folder)
    return scene


def _modules(scene: Any, application_logic: Any) -> types.ModuleType:
    modules = types.ModuleType("slicer.modules")
    sys.modules["slicer.modules"] = modules
    for name, (cls, registered) in LOGICS.items():
        logic = application_logic.GetColorLogic() if name == "colors" else getattr(slicer, cls)()
        if name != "colors":
            if name == "terminologies":
                logic.SetModuleShareDirectory(str(terminologies()))
            logic.SetMRMLScene(scene)
            logic.SetMRMLApplicationLogic(application_logic)
        application_logic.SetModuleLogic(registered, logic)
        setattr(modules, name, Module(logic, registered))
    return modules


def _file_access(scene: Any, logic: Any, folder: Path) -> tuple[Any, ...]:
    """What reading an .mrb asks for; the caller keeps it alive."""
    remote, data = slicer.vtkMRMLRemoteIOLogic(), slicer.vtkDataIOManagerLogic()
    for part in (remote, data):
        part.SetMRMLScene(scene)
        part.SetMRMLApplicationLogic(logic)
    remote.GetCacheManager().SetRemoteCacheDirectory(str(folder))
    data.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return remote, data, logic


def add_slice_views(scene: Any) -> None:
    """The three slice views of the default layout, which Slicer's layout manager would make."""
    for name in ("Red", "Yellow", "Green"):
        node = scene.CreateNodeByClass("vtkMRMLSliceNode")  # with the orientations that the scene knows
        node.UnRegister(None)
        node.SetSingletonTag(name)
        node.SetName(name)
        node.SetLayoutName(name)
        node.SetOrientation({"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}[name])
        scene.AddNode(node)
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetSingletonTag(name)
        composite.SetLayoutName(name)
        scene.AddNode(composite)
