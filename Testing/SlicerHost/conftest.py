"""Fixtures of the host. Everything here needs `slicer-core`, `trame-slicer` and `PySide6-Essentials`."""

import sys
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


@pytest.fixture(autouse=True)
def no_errors(request):
    """What VTK and MRML call an error would stand in red in Slicer's log: it fails the test that caused it."""
    yield
    if "slicer" not in sys.modules or not hasattr(sys.modules["slicer"], "_messages"):
        return
    errors = sys.modules["slicer"]._messages.errors()
    expected = request.node.get_closest_marker("provokes_errors")
    if not expected:
        assert errors == []


@pytest.fixture(scope="session")
def module(host):
    """The Python module PDACScreening after a start in the order of Slicer (slicer_host.start_order)."""
    from slicer_host.start_order import start_module

    return start_module(ROOT / "PDACScreening" / "PDACScreening.py")


@pytest.fixture
def module_widget(scene, module):
    """The panel, set up and shown."""
    from slicer_host.start_order import new_panel

    widget = new_panel(module.PDACScreeningWidget)
    widget.enter()
    yield widget
    widget.cleanup()
