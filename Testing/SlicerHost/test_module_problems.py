"""What goes wrong in the panel is said in the panel, beside the button that was pressed; nothing pops up."""

import json

import pytest
import slicer
from made_result import make_result
from panel_driving import choose, press_screen
from run_driving import replaying_python, until
from screening_inputs import write_model

from PDACScreeningLib.volume.label_map import Label


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_result(tmp_path_factory.mktemp("made"))


@pytest.fixture
def panel(module_widget, made, tmp_path, monkeypatch):
    """The panel with a result of a volume whose name is a secret; a pop-up would fail the test."""
    for name in ("errorDisplay", "warningDisplay", "infoDisplay"):
        monkeypatch.setattr(slicer.util, name, lambda *_given, **_named: pytest.fail("a dialog popped up"))
    volume = slicer.util.loadVolume(str(made.scan))
    volume.SetName("Doe^Jane")
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    choose(module_widget, volume, write_model(tmp_path / "tiny", Label.TUMOR))
    press_screen(module_widget)
    return module_widget


def broken(*_given):
    raise RuntimeError("Doe^Jane in /home/eva is not what was expected")


def copied(button):
    assert not button.isHidden()
    button.click()
    return slicer.app.clipboard().text()


def check_diagnostics(text):
    assert "problem: RuntimeError" in text
    assert "in broken" in text
    for secret in ("Doe", "eva", "/"):
        assert secret not in text


def test_an_unexpected_error_of_re_scoring_is_said_beside_the_button(panel, monkeypatch):
    monkeypatch.setattr(panel.logic, "rescore", broken)
    panel.ui.rescoreButton.click()
    assert panel.ui.reviewProblemLabel.text.startswith("The edited segments could not be scored.")
    check_diagnostics(copied(panel.ui.copyReviewDiagnosticsButton))
    assert "Copied" in panel.ui.copyReviewDiagnosticsButton.text


def test_slicer_is_seen_to_be_busy_while_a_click_works_and_not_after_it_failed(panel, monkeypatch):
    import qt

    seen = []

    def watched(*given):
        seen.append(qt.QApplication.overrideCursor().shape())
        broken(*given)

    monkeypatch.setattr(panel.logic, "rescore", watched)
    panel.ui.rescoreButton.click()
    assert seen == [qt.Qt.WaitCursor]
    assert qt.QApplication.overrideCursor() is None


def test_what_the_library_explains_speaks_for_itself(panel):
    untouched = panel.logic.shown_result(panel._parameterNode.result).ai_segmentation_node
    untouched.GetSegmentation().RemoveSegment("Tumor")
    panel.ui.rescoreButton.click()
    assert panel.ui.reviewProblemLabel.text.startswith("The AI's segments were changed")
    assert panel.ui.copyReviewDiagnosticsButton.isHidden()


def test_the_line_goes_away_when_it_works_again(panel, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(panel.logic, "review", broken)
        panel.ui.acceptButton.click()
    assert panel.ui.reviewProblemLabel.text.startswith("The review could not be kept.")
    panel.ui.acceptButton.click()
    assert panel.ui.reviewProblemLabel.isHidden()
    assert panel.ui.reviewLabel.text.startswith("Accepted")


def test_surfaces_that_cannot_be_made_are_said_beside_their_button(panel, monkeypatch):
    from PDACScreeningPanel import display_section

    monkeypatch.setattr(display_section, "show_surface", broken)
    panel.ui.surfaceButton.click()
    assert panel.ui.displayProblemLabel.text.startswith("The surfaces could not be made.")
    check_diagnostics(copied(panel.ui.copyDisplayDiagnosticsButton))
    assert not panel.ui.surfaceButton.checked


def test_a_failed_installation_of_pytorch_is_said_in_the_panel(panel, monkeypatch):
    panel.ui.installTorchButton.click()  # the extension is not there
    assert "Extensions Manager" in panel.ui.problemLabel.text
    assert panel.ui.copyDiagnosticsButton.isHidden()
    from PDACScreeningPanel import screen_section

    monkeypatch.setattr(screen_section, "install_torch", broken)
    panel.ui.installTorchButton.click()
    assert panel.ui.problemLabel.text.startswith("PyTorch could not be installed.")
    check_diagnostics(copied(panel.ui.copyDiagnosticsButton))


def test_the_next_result_starts_without_the_problems_of_the_last(panel, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(panel.logic, "rescore", broken)
        panel.ui.rescoreButton.click()
    before = panel._parameterNode.result
    press_screen(panel)
    until(lambda: panel._parameterNode.result is not before)
    assert panel.ui.reviewProblemLabel.isHidden()


def test_nodes_that_cannot_be_added_end_the_run_and_are_not_tried_again(panel, monkeypatch, scene):
    from PDACScreeningLib.mrml import result_nodes

    monkeypatch.setattr(result_nodes, "write_record", broken)
    before = scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    press_screen(panel)
    assert panel.ui.problemLabel.text.startswith("The screening failed.")
    text = copied(panel.ui.copyDiagnosticsButton)
    assert "message: RuntimeError" in text
    assert "Doe" not in text
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == before + 3  # edited, untouched, each network


@pytest.mark.parametrize("changed", [{"is_demo": False}, {"performance": "sensitivity 0.99"}, {"K": 5000}], ids=str)
def test_a_model_that_was_edited_is_shown_as_damaged_and_cannot_be_used(module_widget, made, tmp_path, changed):
    folder = write_model(tmp_path / "edited", Label.TUMOR, is_demo=True)
    described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    described["config"]["decision"]["min_tumor_voxels"] = changed.get("K", 50)
    described |= {name: value for name, value in changed.items() if name != "K"}
    (folder / "model.json").write_text(json.dumps(described), encoding="utf-8")
    choose(module_widget, slicer.util.loadVolume(str(made.scan)), folder)
    ui = module_widget.ui
    assert ui.modelSelector.currentText.endswith("(damaged)")
    assert "model.json" in ui.modelCardLabel.text
    assert "sensitivity" not in ui.modelCardLabel.text + ui.modelCardLabel.toolTip
    assert not ui.screenButton.enabled
    assert "damaged" in ui.screenButton.toolTip
