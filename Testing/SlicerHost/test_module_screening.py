"""Screen in the panel with a real child process: from the click to verdict, findings, views and scene."""

import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from panel_driving import choose, findings, press_screen, screened, shown_text
from run_driving import fake_python, load_scan, until
from screening_inputs import write_model, write_scan

from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.volume.label_map import Label


@pytest.fixture
def volume(scene, tmp_path):
    return load_scan(tmp_path)


@pytest.fixture
def tumor_model(tmp_path):
    return write_model(tmp_path / "tiny", Label.TUMOR, is_demo=True)


def composites():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def test_screen_is_off_with_a_reason_until_there_is_a_volume_and_a_model(module_widget, tmp_path):
    ui = module_widget.ui
    never_run = write_model(tmp_path / "never-run", Label.TUMOR)
    assert not ui.screenButton.enabled
    assert "CT volume" in ui.screenButton.toolTip
    ui.inputSelector.setCurrentNode(load_scan(tmp_path))
    assert "model" in ui.screenButton.toolTip
    assert module_widget.screening.use_model_folder(never_run)
    assert ui.screenButton.enabled
    assert "Measured performance: unknown." in ui.modelCardLabel.text
    assert "after the first run" in ui.expectationLabel.text


def test_the_protocol_that_was_chosen_is_used_named_and_remembered_apart(module_widget, volume, tumor_model):
    ui = module_widget.ui
    exact = module_widget.logic.shown_result(screened(module_widget, volume, tumor_model)).screening
    assert "suggests" in ui.expectationLabel.text
    ui.protocolSelector.setCurrentIndex(ui.protocolSelector.findData("fast"))
    assert "after the first run" in ui.expectationLabel.text
    press_screen(module_widget)
    fast = module_widget.logic.shown_result(module_widget._parameterNode.result).screening
    assert (exact.protocol.name, fast.protocol.name) == ("exact", "fast")
    assert sum(scale.windows for scale in fast.scales) < sum(scale.windows for scale in exact.scales)
    assert ui.detailsLabel.text.endswith("fast protocol.")
    assert "suggests" in ui.expectationLabel.text
    assert json.loads(module_widget._parameterNode.choices)["protocol"] == "fast"


def test_choices_of_a_damaged_scene_are_as_good_as_none(module):
    from PDACScreeningPanel.choices import remembered

    for kept in ("[" * 200_000, "{", "", "[1]", "NaN"):
        assert remembered(types.SimpleNamespace(choices=kept)) == {}


def test_a_folder_without_a_model_is_not_taken(module_widget, tmp_path):
    assert not module_widget.screening.use_model_folder(tmp_path)


def test_a_screening_from_click_to_views(module_widget, volume, tumor_model, scene):
    """One run, and everything a reader meets after it."""
    import slicer

    ui = module_widget.ui
    before = {composite.GetID(): composite.GetForegroundVolumeID() for composite in composites()}
    node = screened(module_widget, volume, tumor_model)

    assert ui.verdictLabel.text == "Suspicious region found"
    assert ui.demoLabel.text.startswith("Test model")
    assert "not a probability of cancer" in ui.detailsLabel.text
    assert "%" not in shown_text(module_widget)
    assert ui.stateLabel.text.startswith("AI result, not edited.")
    assert "Volume CT, screened " in ui.detailsLabel.text
    assert [node.GetSegmentation().GetNthSegmentID(index) for index in range(2)] == ["Pancreas", "Tumor"]
    assert {c.GetID(): c.GetForegroundVolumeID() for c in composites()} == before

    rows = findings(module_widget)
    assert len(rows) == 1
    ui.nextFindingButton.click()
    assert ui.findingsTable.currentRow() == 0
    finding = module_widget.logic.shown_result(node).screening.findings[0]
    left, posterior, superior = finding.inside_lps_mm
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        matrix = view.GetSliceToRAS()
        center = [matrix.GetElement(axis, 3) for axis in range(3)]
        assert center == pytest.approx([-left, -posterior, superior])

    ui.probabilityOpacitySlider.value = 40
    assert [c.GetForegroundOpacity() for c in composites()] == [0.4] * 3
    ui.probabilityOpacitySlider.value = 0
    assert not any(c.GetForegroundVolumeID() for c in composites())
    ui.outlineButton.click()
    assert not node.GetDisplayNode().GetVisibility2D()
    ui.surfaceButton.click()
    assert node.GetDisplayNode().GetVisibility3D()
    ui.windowSelector.setCurrentIndex(1)
    ui.windowSelector.activated.emit(1)  # as a person who chooses
    assert volume.GetDisplayNode().GetWindow() == 400
    assert "as in the last run here" in ui.expectationLabel.text


def test_a_scan_without_pancreas_is_not_assessable_and_kept_as_such(module_widget, volume, tmp_path):
    node = screened(module_widget, volume, write_model(tmp_path / "blind", Label.BACKGROUND))
    assert node is not None
    assert module_widget.ui.verdictLabel.text.startswith("Not assessable: The coarse scan found no pancreas")
    assert findings(module_widget) == []
    assert module_widget.ui.findingsSection.isHidden()
    assert "Score" not in module_widget.ui.detailsLabel.text


def test_a_rejected_scan_says_why_and_adds_nothing(module_widget, scene, tmp_path, tumor_model):
    import slicer

    thin = load_scan(tmp_path, "thin", shape=(2, 40, 40))
    choose(module_widget, thin, tumor_model)
    press_screen(module_widget)
    assert module_widget.ui.problemLabel.text.startswith("Not assessable: ")
    assert module_widget._parameterNode.result is None
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
    assert not module_widget.ui.copyDiagnosticsButton.isHidden()


def test_a_volume_that_is_no_ct_is_refused_in_the_panel_without_a_pop_up(module_widget, scene, tumor_model):
    import numpy as np
    import slicer

    choose(module_widget, slicer.util.addVolumeFromArray(np.full((9, 9, 9), 1e9)), tumor_model)
    module_widget.ui.screenButton.click()
    assert module_widget.ui.problemLabel.text.startswith("Not assessable: The selected volume")
    assert not module_widget.screening.running
    assert module_widget.ui.screenButton.enabled
    assert module_widget.ui.copyDiagnosticsButton.isHidden()


def test_a_missing_python_is_said_in_the_panel(module_widget, volume, tumor_model, tmp_path):
    module_widget.logic.python = str(tmp_path / "no-python")
    choose(module_widget, volume, tumor_model)
    module_widget.ui.screenButton.click()
    assert "could not be started" in module_widget.ui.problemLabel.text
    assert not module_widget.screening.running


def test_a_screening_is_run_by_slicers_own_python(module, module_widget, volume, tumor_model, tmp_path, monkeypatch):
    """The module was imported while sys.executable was empty; PythonSlicer is looked up when the button is pressed."""
    import slicer

    assert module.PDACScreeningLogic.python is None
    (tmp_path / "bin").mkdir()
    fake = Path(fake_python(tmp_path, "sys.stderr.write('PythonSlicer was started'); sys.exit(9)"))
    fake.rename(tmp_path / "bin" / "PythonSlicer")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(sys, "executable", "")
    choose(module_widget, volume, tumor_model)
    press_screen(module_widget)
    module_widget.ui.copyDiagnosticsButton.click()
    assert "PythonSlicer was started" in slicer.app.clipboard().text()


def test_a_killed_python_behind_the_launcher_is_told_as_memory(module_widget, volume, tumor_model):
    choose(module_widget, volume, tumor_model)
    module_widget.ui.screenButton.click()
    until(lambda: "Computing on" in module_widget.ui.stageLabel.text)
    launcher = module_widget.screening._run._process._child.pid
    (python,) = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    os.kill(int(python), signal.SIGKILL)
    until(lambda: not module_widget.screening.running)
    assert "ran out of memory" in module_widget.ui.problemLabel.text


def test_the_second_screening_finds_the_model_loaded(module_widget, volume, tumor_model):
    processes = []
    choose(module_widget, volume, tumor_model)
    for _ in range(2):
        module_widget.ui.screenButton.click()
        processes.append(module_widget.screening._run._process)
        until(lambda: not module_widget.screening.running)
        assert module_widget.ui.problemLabel.text == ""
    assert processes[0] is processes[1]
    module_widget.cleanup()
    assert not processes[0].running


def test_a_script_that_waits_leaves_slicer_alive(module, scene, volume, tumor_model):
    import qt

    beats, timer = [], qt.QTimer()
    timer.setInterval(50)
    timer.connect("timeout()", lambda: beats.append(1))
    timer.start()
    module.PDACScreeningLogic().screen(volume, model=str(tumor_model), device="cpu")
    timer.stop()
    assert len(beats) > 5


def test_the_temporary_folder_is_that_of_slicers_settings(module_widget, volume, tumor_model, tmp_path, monkeypatch):
    import slicer

    folder = tmp_path / "of slicer's settings"
    folder.mkdir()
    monkeypatch.setattr(type(slicer.app), "temporaryPath", str(folder))
    module_widget.logic.python = fake_python(tmp_path, "time.sleep(60)")
    choose(module_widget, volume, tumor_model)
    module_widget.ui.screenButton.click()
    assert list(folder.glob("pdac-*/ct.mha"))
    module_widget.screening.abandon()


def test_progress_is_shown_and_cancel_frees_the_panel_within_two_seconds(module_widget, volume, tumor_model, tmp_path):
    ui = module_widget.ui
    code = (
        'print(json.dumps({"event": "progress", "stage": "coarse scan", "done": 1, "total": 4, "eta_s": 90}),'
        " flush=True); time.sleep(60)"
    )
    module_widget.logic.python = fake_python(tmp_path, code)
    choose(module_widget, volume, tumor_model)
    ui.screenButton.click()
    assert not ui.screenButton.enabled
    assert not ui.modelSelector.enabled
    until(lambda: ui.progressBar.value == 25)
    assert "coarse scan" in ui.stageLabel.text
    assert "left" in ui.stageLabel.text
    began = time.monotonic()
    ui.cancelButton.click()
    until(lambda: not module_widget.screening.running)
    assert time.monotonic() - began < 2
    assert ui.problemLabel.text == "The screening was cancelled."
    assert ui.screenButton.enabled
    assert not ui.cancelButton.enabled
    assert module_widget._parameterNode.result is None


def test_a_gpu_that_is_too_small_offers_the_processors(module_widget, volume, tumor_model, tmp_path):
    ui = module_widget.ui
    real = module_widget.logic.python
    module_widget.logic.python = fake_python(tmp_path, "sys.stderr.write('CUDA out of memory'); sys.exit(5)")
    choose(module_widget, volume, tumor_model)
    ui.deviceSelector.setCurrentIndex(ui.deviceSelector.findData("auto"))
    press_screen(module_widget)
    assert "too little free memory" in ui.problemLabel.text
    assert not ui.processorButton.isHidden()
    module_widget.logic.python = real
    ui.processorButton.click()
    until(lambda: not module_widget.screening.running)
    assert ui.problemLabel.text == ""
    assert ui.verdictLabel.text == "Suspicious region found"


def test_missing_torch_offers_to_install_it_and_names_the_extension(module_widget, volume, tumor_model, tmp_path):
    module_widget.logic.python = fake_python(tmp_path, "sys.stderr.write(\"No module named 'torch'\"); sys.exit(1)")
    choose(module_widget, volume, tumor_model)
    press_screen(module_widget)
    assert "PyTorch is not installed" in module_widget.ui.problemLabel.text
    assert not module_widget.ui.installTorchButton.isHidden()
    from PDACScreeningPanel.torch_installation import install_torch

    with pytest.raises(PDACScreeningError, match="Extensions Manager"):
        install_torch()


def test_torch_is_installed_through_its_extension_and_with_consent(module_widget, monkeypatch):
    asked = []

    class PyTorchUtilsLogic:
        def installTorch(self, **arguments):
            asked.append(arguments)
            return object()

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=PyTorchUtilsLogic))
    module_widget.ui.installTorchButton.click()
    assert asked == [{"askConfirmation": True, "torchVersionRequirement": ">=2.10"}]
    assert "Press Screen again" in module_widget.ui.problemLabel.text


def test_diagnostics_reach_the_clipboard_without_names(module_widget, volume, tumor_model, tmp_path):
    import slicer

    volume.SetName("Doe^Jane")
    module_widget.logic.python = fake_python(tmp_path, "sys.stderr.write('in ' + scan); sys.exit(1)")
    choose(module_widget, volume, tumor_model)
    press_screen(module_widget)
    module_widget.ui.copyDiagnosticsButton.click()
    text = slicer.app.clipboard().text()
    assert "exit code: 1" in text
    assert "Doe" not in text
    assert str(tmp_path) not in text


def test_panel_script_and_command_line_give_the_same_numbers(module, scene, volume, tumor_model, tmp_path):
    """Everything in screening.json but times and how the file was packed."""
    screening = module.PDACScreeningLogic().screen(volume, model=str(tumor_model), device="cpu")
    scan = write_scan(tmp_path / "scan.nrrd")
    command = [sys.executable, "-m", "PDACScreeningLib", "screen", str(scan), "--output", str(tmp_path / "out")]
    subprocess.run([*command, "--model", str(tumor_model), "--device", "cpu"], check=True, capture_output=True)
    from PDACScreeningLib.screening_json import to_json

    typed, scripted = json.loads((tmp_path / "out" / "screening.json").read_text()), to_json(screening)
    for data in (typed, scripted):
        del data["timings_s"], data["provenance"]["started_utc"], data["input"]["kind"]
        del data["files_sha256"]["report.html"]  # it tells times
    assert scripted == typed
