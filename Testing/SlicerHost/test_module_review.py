"""Edit, re-score, accept, screen again, save and reload, in the panel; the child answers with a result made before."""

import gc

import numpy as np
import pytest
from made_result import LARGE, SMALL, make_result
from panel_driving import choose, findings, paint, press_screen, segment_voxels, shown_text
from run_driving import replaying_python, until
from screening_inputs import write_model

from PDACScreeningLib.volume.label_map import Label


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_result(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "tiny", Label.TUMOR)


@pytest.fixture
def panel(module_widget, made, model, tmp_path):
    """The panel with a finished screening."""
    import slicer

    volume = slicer.util.loadVolume(str(made.scan))
    volume.SetName("CT")
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    choose(module_widget, volume, model)
    press_screen(module_widget)
    assert module_widget.ui.problemLabel.text == ""
    return module_widget


@pytest.fixture
def result(panel):
    return panel._parameterNode.result


@pytest.fixture
def volume(panel):
    return panel._parameterNode.inputVolume


def state(panel):
    return panel.ui.stateLabel.text


def after_the_edit(panel):
    """The panel notices an edit by itself, a moment later."""
    until(lambda: "stale" in state(panel), patience_s=10)


def test_n_and_p_step_through_the_findings_around_the_end(panel, made):
    assert len(findings(panel)) == len(made.screening.findings) == 2
    next_finding, previous_finding = (panel.keys.shortcuts[key] for key in "NP")
    seen = []
    for shortcut in (next_finding, next_finding, next_finding, previous_finding):
        shortcut.activated.emit()
        seen.append(panel.ui.findingsTable.currentRow())
    assert seen == [0, 1, 0, 1]


def test_keys_are_quiet_while_another_module_is_open(panel):
    panel.exit()
    assert panel.keys.shortcuts == {}
    panel.enter()
    assert set(panel.keys.shortcuts) == {"N", "P", "O", "Shift+A", "Shift+F"}


def test_a_click_on_a_row_goes_there(panel, made):
    import slicer

    panel.ui.findingsTable.cellClicked.emit(1, 0)
    left, posterior, superior = made.screening.findings[1].inside_lps_mm
    view = slicer.util.getNodesByClass("vtkMRMLSliceNode")[0]
    assert view.GetSliceToRAS().GetElement(0, 3) == pytest.approx(-left)


def test_an_edit_makes_the_score_stale_and_re_scoring_counts_it(panel, result, volume, made):
    paint(result, volume, "Tumor", SMALL, 0)
    after_the_edit(panel)
    assert panel.ui.rescoreButton.enabled
    panel.ui.rescoreButton.click()
    assert "scored again" in state(panel)
    assert panel.ui.problemLabel.text == ""
    assert len(findings(panel)) == 1
    assert "Tumor: 13.8 mL" in panel.ui.detailsLabel.text
    assert "Tumor: 18.94 -> 13.82 mL (+0.00, -5.12), Dice 0.844" in panel.ui.changeLabel.text
    assert "Pancreas" in panel.ui.changeLabel.text
    assert panel.ui.warningsLabel.text.startswith("Warning: A reviewer edited")


def test_erasing_every_tumor_is_never_an_all_clear(panel, result, volume):
    paint(result, volume, "Tumor", np.s_[:], 0)
    after_the_edit(panel)
    panel.ui.rescoreButton.click()
    assert panel.ui.verdictLabel.text == "No suspicious region found - does not exclude cancer"
    assert findings(panel) == []


def test_painting_tumor_keeps_the_pancreas_and_tumor_wins_in_the_score(panel, result, volume):
    pancreas = segment_voxels(result, volume, "Pancreas")
    paint(result, volume, "Tumor", np.s_[6:8, 10:12, 10:12])
    after_the_edit(panel)
    assert np.array_equal(segment_voxels(result, volume, "Pancreas"), pancreas)
    panel.ui.rescoreButton.click()
    assert "Tumor: 19.5 mL" in panel.ui.detailsLabel.text
    editor = panel.ui.segmentEditorWidget
    assert editor.segmentationNode() is result
    assert editor.sourceVolumeNode() is volume
    assert editor.mrmlSegmentEditorNode().GetOverwriteMode() == editor.mrmlSegmentEditorNode().OverwriteNone


def test_the_ai_result_stays_as_it_was_beside_the_edited_one(panel, result, volume):
    untouched = panel.logic.shown_result(result).ai_segmentation_node
    before = segment_voxels(untouched, volume, "Tumor")
    paint(result, volume, "Tumor", LARGE, 0)
    after_the_edit(panel)
    panel.ui.rescoreButton.click()
    assert np.array_equal(segment_voxels(untouched, volume, "Tumor"), before)


def test_taking_an_edit_back_brings_the_ai_result_back(panel, result, volume):
    paint(result, volume, "Tumor", np.s_[6, 10, 10])
    after_the_edit(panel)
    paint(result, volume, "Tumor", np.s_[6, 10, 10], 0)
    until(lambda: state(panel).startswith("AI result, not edited."), patience_s=10)


@pytest.mark.parametrize(("button", "status"), [("acceptButton", "Completed"), ("flagButton", "Flagged")])
def test_accept_and_flag_reach_the_segment_status_with_a_note(panel, result, button, status):
    import slicer

    panel.ui.reviewerNote.text = "seen with the team"
    getattr(panel.ui, button).click()
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    for segment_id in ("Pancreas", "Tumor"):
        segment = result.GetSegmentation().GetSegment(segment_id)
        assert logic.GetSegmentStatus(segment) == getattr(logic, status)
    assert "seen with the team" in panel.ui.reviewLabel.text
    assert "UTC" in panel.ui.reviewLabel.text


def test_screening_again_makes_a_new_result_and_leaves_the_edited_one(panel, result, volume):
    paint(result, volume, "Tumor", SMALL, 0)
    after_the_edit(panel)
    edited = segment_voxels(result, volume, "Tumor")
    press_screen(panel)
    newer = panel._parameterNode.result
    assert newer is not result
    assert np.array_equal(segment_voxels(result, volume, "Tumor"), edited)
    assert state(panel).startswith("AI result, not edited.")
    panel.ui.resultSelector.setCurrentNode(result)
    after_the_edit(panel)


@pytest.mark.parametrize("ending", ["mrb", "mrml"])
def test_a_saved_scene_brings_everything_back(panel, result, volume, scene, tmp_path, ending):
    import slicer

    paint(result, volume, "Tumor", SMALL, 0)
    after_the_edit(panel)
    panel.ui.rescoreButton.click()
    panel.ui.reviewerNote.text = "kept"
    panel.ui.acceptButton.click()
    said = shown_text(panel), findings(panel), panel.ui.changeLabel.text, panel.ui.reviewLabel.text
    folder = tmp_path / "saved"
    folder.mkdir()
    if ending == "mrml":  # a bundle writes the nodes itself
        for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
            if node.IsA("vtkMRMLVolumeNode") or node.IsA("vtkMRMLSegmentationNode"):
                suffix = ".seg.nrrd" if node.IsA("vtkMRMLSegmentationNode") else ".nrrd"
                assert slicer.util.saveNode(node, str(folder / f"{node.GetID()}{suffix}"))
    assert slicer.util.saveScene(str(folder / f"scene.{ending}"))
    scene.Clear(0)
    assert panel.ui.verdictLabel.text == ""
    slicer.util.loadScene(str(folder / f"scene.{ending}"))
    until(lambda: panel.ui.verdictLabel.text != "", patience_s=20)
    assert (shown_text(panel), findings(panel), panel.ui.changeLabel.text, panel.ui.reviewLabel.text) == said
    assert panel._parameterNode.inputVolume.GetName() == "CT"
    assert panel.ui.reviewerNote.text == "kept"
    panel.ui.nextFindingButton.click()
    assert panel.ui.findingsTable.currentRow() == 0


def test_adding_another_scene_leaves_the_shown_result(panel, result, volume, scene, tmp_path):
    import slicer

    other = slicer.vtkMRMLScene()
    other.AddNewNodeByClass("vtkMRMLTextNode", "other")
    other.SetURL(str(tmp_path / "other.mrml"))
    assert other.Commit()
    said = shown_text(panel)
    panel.exit()
    scene.SetURL(other.GetURL())
    assert scene.Import()
    assert panel._parameterNode.result is result
    assert panel._parameterNode.inputVolume is volume
    assert panel.ui.resultSelector.currentNode() is result
    assert shown_text(panel) == said


def test_a_closed_scene_gives_the_memory_of_its_scan_back(panel, scene):
    gone = []
    panel._parameterNode.inputVolume.GetImageData().AddObserver("DeleteEvent", lambda *_: gone.append(True))
    scene.Clear(0)
    gc.collect()
    assert gone


def test_a_result_leaves_the_views_alone_while_another_module_is_open(module_widget, made, model, tmp_path):
    import slicer

    volume, other = slicer.util.loadVolume(str(made.scan)), slicer.util.loadVolume(str(made.scan))
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    choose(module_widget, volume, model)
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    module_widget.ui.screenButton.click()
    module_widget.exit()
    module_widget.parent.isEntered = False
    for view in views:
        view.SetBackgroundVolumeID(other.GetID())
    until(lambda: not module_widget.screening.running)
    assert module_widget.ui.segmentEditorWidget.sourceVolumeNode() is volume
    assert {view.GetBackgroundVolumeID() for view in views} == {other.GetID()}
    module_widget.parent.isEntered = True
    module_widget.enter()
    assert {view.GetBackgroundVolumeID() for view in views} == {volume.GetID()}


def test_the_editor_has_keys_and_views_only_while_it_can_be_seen(panel):
    editor = panel.ui.segmentEditorWidget
    assert not editor.has_keys
    panel.ui.editSection.collapsed = False
    assert (editor.has_keys, editor.has_views) == (True, True)
    panel.exit()
    assert (editor.has_keys, editor.has_views) == (False, False)
    panel.enter()
    panel.ui.editSection.collapsed = True
    assert (editor.has_keys, editor.has_views) == (False, False)


def test_a_deleted_volume_takes_the_verdict_away(panel, volume, scene):
    scene.RemoveNode(volume)
    until(lambda: panel.ui.verdictLabel.text == "Not current", patience_s=10)
    assert "Score" not in shown_text(panel)
    assert findings(panel) == []
    assert not panel.ui.rescoreButton.enabled
    assert not panel.ui.acceptButton.enabled


def test_changed_voxels_take_the_verdict_away(panel, volume):
    import slicer

    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    until(lambda: panel.ui.verdictLabel.text == "Not current", patience_s=10)
    assert "Suspicious" not in shown_text(panel)


def test_a_deleted_result_empties_the_panel(panel, result, scene):
    scene.RemoveNode(result)
    until(lambda: panel.ui.reasonLabel.text == "No result yet.", patience_s=10)
    assert findings(panel) == []


def test_another_segmentation_is_no_result(panel, scene):
    other = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "other")
    panel._parameterNode.result = other
    panel.refresh()
    assert panel.ui.reasonLabel.text == "No result yet."
    assert not panel.ui.acceptButton.enabled
