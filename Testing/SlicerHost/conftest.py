"""Fixtures of the host. Everything here needs `slicer-core`, `trame-slicer` and `PySide6-Essentials`."""

import importlib
import sys
import types
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

for folder in (HERE, ROOT / "Testing" / "Python"):
    sys.path.insert(0, str(folder))


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    """The host, started once."""
    for package in ("slicer_core", "trame_slicer", "PySide6"):
        pytest.importorskip(package, reason=f"{package} is not installed; see docs/explanation/slicer_host.md")
    from slicer_host.start import start

    return start(tmp_path_factory.mktemp("host"))


@pytest.fixture
def scene(host):
    """The scene, empty but for the three slice views."""
    host.Clear(0)
    yield host
    host.Clear(0)


@pytest.fixture
def module(host):
    """The Python module PDACScreening, imported as Slicer imports it: only its own folder is on the path."""
    import slicer

    folder = ROOT / "PDACScreening"
    sys.path.insert(0, str(folder))
    module = importlib.import_module("PDACScreening")
    path = str(folder / "PDACScreening.py")
    slicer.modules.pdacscreening = types.SimpleNamespace(path=path, name="PDACScreening", widgetRepresentation=None)
    yield module
    sys.path.remove(str(folder))


@pytest.fixture
def module_widget(scene, module):
    """The panel, set up and shown."""
    import qt
    import slicer

    parent = slicer.qMRMLWidget()
    parent.setLayout(qt.QVBoxLayout())
    parent.setMRMLScene(scene)
    parent.isEntered = True
    widget = module.PDACScreeningWidget(parent)
    widget.setup()
    widget.enter()
    yield widget
    widget.cleanup()
