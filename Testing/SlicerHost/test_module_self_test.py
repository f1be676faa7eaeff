"""The tests that a real Slicer runs, run in the host as far as it goes: with a tiny model and a real child."""

import importlib.util
from pathlib import Path

import pytest
from made_result import make_result
from run_driving import load_scan, replaying_python
from screening_inputs import write_model, write_scan

from PDACScreeningLib.volume.label_map import Label

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def walkthrough():
    path = ROOT / "Testing" / "Slicer" / "panel_walkthrough.py"
    specification = importlib.util.spec_from_file_location("panel_walkthrough", path)
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    return script


def test_the_self_test_of_the_module_passes(module, scene, tmp_path, monkeypatch):
    import sys

    case = module.PDACScreeningTest()
    case.model, case.sample = write_model(tmp_path / "tiny", Label.TUMOR), write_scan(tmp_path / "scan.nrrd")
    monkeypatch.delitem(sys.modules, "torch")  # this process made the model; in Slicer nothing has imported it
    case.runTest()


def test_the_walk_through_the_panel_passes(module_widget, walkthrough, tmp_path, monkeypatch):
    import sys

    import slicer

    made = make_result(tmp_path)
    model = write_model(tmp_path / "tiny", Label.TUMOR)
    module_widget.screening.use_model_folder(model)
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    monkeypatch.delitem(sys.modules, "torch")
    walkthrough.walk(module_widget, slicer.util.loadVolume(str(made.scan)), str(model))


def test_the_walk_fails_where_the_panel_is_not_as_it_should_be(module_widget, walkthrough, tmp_path):
    with pytest.raises(AssertionError, match="not in the list"):
        walkthrough.walk(module_widget, load_scan(tmp_path), "no such model")
