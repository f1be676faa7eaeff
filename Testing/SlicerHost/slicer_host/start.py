"""Brings the host up: after `start()`, a module can `import slicer`, `qt`, `ctk` as it does in Slicer."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

SLICER_SOURCE = os.environ.get("SLICER_SOURCE", "")  # a checkout of Slicer, whose own Python files are then used


def start(folder: Path) -> Any:
    """Start once per process and return the MRML scene. folder: a temporary folder for settings and cache."""
    _keep_none_alive()
    from slicer_host import pythonqt

    qt = pythonqt.qt_module()
    sys.modules["qt"] = qt
    from slicer_host import ui_loader

    qt.__dict__["QUiLoader"] = ui_loader.UiLoader
    from slicer_host.launcher import install_launcher
    from slicer_host.messages import Messages

    launcher, messages = install_launcher(folder), Messages(folder / "vtk.log")
    application = qt.__dict__["QApplication"].instance() or qt.__dict__["QApplication"](["SlicerHost"])
    from slicer_host import ctk_widgets

    sys.modules["ctk"] = ctk_widgets.ctk_module()
    import slicer

    from slicer_host.application import add_slice_views, start_application
    from slicer_host.mrml_widgets import install_mrml_widgets

    scene = start_application(folder)
    add_slice_views(scene)
    install_mrml_widgets()
    slicer._qt_application, slicer._messages, slicer._launcher = application, messages, launcher
    _install_python_files(slicer)
    return scene


def _keep_none_alive() -> None:
    """PySide6 6.12 gives back one reference to None too many in every call that returns nothing.

    From Python 3.12 on None is immortal and nobody notices; on 3.11 the count falls to zero after some ten thousand
    calls and Python aborts at its end. A large count to start with outlives every test run.
    """
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40


def _install_python_files(slicer: Any) -> None:
    """`slicer.ScriptedLoadableModule` and its company: Slicer's own when SLICER_SOURCE is set, else our stand-ins."""
    if SLICER_SOURCE:
        slicer.__path__.append(str(Path(SLICER_SOURCE) / "Base" / "Python" / "slicer"))
        return
    from slicer_host.parameter_node import parameter_node_module
    from slicer_host.scripted_module import scripted_module, translation_module

    for module in (scripted_module(), parameter_node_module(), translation_module()):
        sys.modules[module.__name__] = module
        setattr(slicer, module.__name__.removeprefix("slicer."), module)
