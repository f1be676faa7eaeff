"""One patient on screen: panel, views, segments and map are of the same CT, whatever is chosen, undone or refused."""

import numpy as np
import pytest
import slicer
from made_result import make_result
from panel_driving import choose, press_screen, screened, segment_voxels
from run_driving import fake_python, replaying_python, until
from scans import ct_node, result_folder
from screening_inputs import write_model

from PDACScreeningLib.mrml.result_nodes import show_result
from PDACScreeningLib.mrml.segmentation_node import algorithm_type
from PDACScreeningLib.volume.label_map import Label


@pytest.fixture
def first(scene, tmp_path):
    """A result of a first patient."""
    ct = ct_node(scene, "CT 1")
    return show_result(scene, result_folder(tmp_path / "first", ct), ct)


@pytest.fixture
def second(scene, tmp_path):
    """A result of a second patient, whose CT bears the same name."""
    ct = ct_node(scene, "CT 1")
    slicer.util.arrayFromVolume(ct)[0, 0, 0] += 7
    return show_result(scene, result_folder(tmp_path / "second", ct, indeterminate=True), ct)


@pytest.fixture
def suspicious_second(scene, tmp_path):
    ct = ct_node(scene, "CT 1")
    slicer.util.arrayFromVolume(ct)[0, 0, 0] += 7
    return show_result(scene, result_folder(tmp_path / "second", ct), ct)


def ct_of(result):
    return result.GetNodeReference("PDACScreeningVolume")


def map_of(result):
    return result.GetNodeReference("PDACScreeningProbability")


def backgrounds():
    return {view.GetBackgroundVolumeID() for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}


def foregrounds():
    return {view.GetForegroundVolumeID() for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}


def settle(widget):
    until(lambda: not widget._refreshTimer.isActive() and not widget._checkTimer.isActive())


def choose_volume(widget, node):
    widget.ui.inputSelector.setCurrentNode(node)
    settle(widget)


def choose_result(widget, node):
    widget.ui.resultSelector.setCurrentNode(node)
    settle(widget)


def test_a_volume_brings_its_newest_result(module_widget, scene, first, second, tmp_path):
    newer = show_result(scene, result_folder(tmp_path / "newer", ct_of(first), indeterminate=True), ct_of(first))
    choose_volume(module_widget, ct_of(second))
    assert module_widget._parameterNode.result is second
    choose_volume(module_widget, ct_of(first))
    assert module_widget._parameterNode.result is newer


def test_a_volume_without_a_result_shows_none(module_widget, scene, first):
    choose_result(module_widget, first)
    assert module_widget.ui.verdictLabel.text == "Suspicious region found"
    choose_volume(module_widget, ct_node(scene, "new"))
    assert module_widget._parameterNode.result is None
    assert module_widget.ui.verdictLabel.text == ""
    assert not first.GetDisplayNode().GetVisibility()


def test_a_result_brings_its_ct_and_hides_the_segments_of_all_others(module_widget, first, second):
    for chosen, other in ((first, second), (second, first)):
        choose_result(module_widget, chosen)
        assert module_widget._parameterNode.inputVolume is ct_of(chosen)
        assert backgrounds() == {ct_of(chosen).GetID()}
        assert chosen.GetDisplayNode().GetVisibility()
        assert not other.GetDisplayNode().GetVisibility()


def test_the_map_of_one_patient_never_lies_over_another(module_widget, first, suspicious_second):
    choose_result(module_widget, first)
    module_widget.ui.probabilityOpacitySlider.value = 60
    assert foregrounds() == {map_of(first).GetID()}
    choose_result(module_widget, suspicious_second)
    assert foregrounds() == {None}
    assert module_widget.ui.probabilityOpacitySlider.value == 0
    module_widget.ui.probabilityOpacitySlider.value = 80
    assert foregrounds() == {map_of(suspicious_second).GetID()}
    choose_volume(module_widget, ct_of(first))
    assert foregrounds() == {None}


def test_a_foreign_foreground_is_named_instead_of_a_slider_that_does_nothing(module_widget, scene, first):
    choose_result(module_widget, first)
    pet = ct_node(scene, "PET")
    for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        view.SetForegroundVolumeID(pet.GetID())
    module_widget.ui.probabilityOpacitySlider.value = 60
    assert module_widget.ui.displayProblemLabel.text.startswith("PET lies over the CT")
    assert foregrounds() == {pet.GetID()}
    for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        view.SetForegroundVolumeID(None)
    module_widget.ui.probabilityOpacitySlider.value = 50
    assert module_widget.ui.displayProblemLabel.text == ""
    assert foregrounds() == {map_of(first).GetID()}


def test_a_deleted_ct_takes_map_and_outlines_off_the_views(module_widget, scene, first):
    choose_result(module_widget, first)
    module_widget.ui.probabilityOpacitySlider.value = 60
    scene.RemoveNode(ct_of(first))
    until(lambda: module_widget.ui.verdictLabel.text == "Not current", patience_s=10)
    assert foregrounds() == {None}
    assert not first.GetDisplayNode().GetVisibility()


def test_a_jump_shows_the_ct_of_the_finding(module_widget, first, second):
    choose_result(module_widget, first)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        view.SetBackgroundVolumeID(ct_of(second).GetID())  # by hand, in another module
    module_widget.ui.nextFindingButton.click()
    assert backgrounds() == {ct_of(first).GetID()}


def test_a_refused_scan_does_not_keep_an_older_verdict_on_screen(module_widget, first, tmp_path):
    said = '{"event": "result", "outcome": "REJECTED", "reason": "It is a head.", "exit_code": 4}'
    choose(module_widget, ct_of(first), write_model(tmp_path / "tiny", Label.TUMOR))
    settle(module_widget)
    assert module_widget.ui.verdictLabel.text == "Suspicious region found"
    module_widget.logic.python = fake_python(tmp_path, f"print({said!r}, flush=True); time.sleep(60)")
    press_screen(module_widget)
    settle(module_widget)
    assert module_widget.ui.problemLabel.text == "Not assessable: It is a head."
    assert module_widget.ui.verdictLabel.text == ""
    assert first.GetID() in [node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")]


def test_a_cancelled_run_brings_the_result_before_it_back(module_widget, first, tmp_path):
    choose(module_widget, ct_of(first), write_model(tmp_path / "tiny", Label.TUMOR))
    module_widget.logic.python = fake_python(tmp_path, "time.sleep(60)")
    module_widget.ui.screenButton.click()
    assert module_widget._parameterNode.result is None
    module_widget.ui.cancelButton.click()
    until(lambda: not module_widget.screening.running)
    assert module_widget._parameterNode.result is first


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_result(tmp_path_factory.mktemp("made"))


@pytest.fixture
def panel(module_widget, made, tmp_path):
    """The panel with a screening, ready to be edited."""
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    screened(module_widget, slicer.util.loadVolume(str(made.scan)), write_model(tmp_path / "tiny", Label.TUMOR))
    return module_widget


def stroke(panel, where):
    """Paint tumor as an effect does: save the state for undo, then change the segment through the editor's logic."""
    editor, volume = panel.ui.segmentEditorWidget, panel._parameterNode.inputVolume
    result = panel._parameterNode.result
    editor.setCurrentSegmentID("Tumor")
    editor.saveStateForUndo()
    array = segment_voxels(result, volume, "Tumor")
    array[where] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, result, "Tumor", volume)


def test_ctrl_z_is_noticed_and_its_score_is_not_believed(panel):
    result, volume = panel._parameterNode.result, panel._parameterNode.inputVolume
    before = segment_voxels(result, volume, "Tumor")
    stroke(panel, np.s_[1:5, 2:20, 2:20])
    until(lambda: "stale" in panel.ui.stateLabel.text, patience_s=10)
    panel.ui.rescoreButton.click()
    assert "scored again" in panel.ui.stateLabel.text
    panel.ui.segmentEditorWidget.undo()
    assert np.array_equal(segment_voxels(result, volume, "Tumor"), before)
    until(lambda: panel.ui.stateLabel.text.startswith("AI result, not edited"), patience_s=10)
    panel.ui.segmentEditorWidget.redo()
    until(lambda: "scored again" in panel.ui.stateLabel.text, patience_s=10)


def tags(result):
    return [algorithm_type(result.GetSegmentation().GetSegment(name)) for name in ("Tumor", "Pancreas")]


def test_the_segment_that_was_edited_says_so_at_once_and_takes_it_back(panel):
    result = panel._parameterNode.result
    assert tags(result) == ["AUTOMATIC", "AUTOMATIC"]
    stroke(panel, np.s_[1:5, 2:20, 2:20])
    until(lambda: tags(result) == ["SEMIAUTOMATIC", "AUTOMATIC"], patience_s=10)
    panel.ui.segmentEditorWidget.undo()
    until(lambda: tags(result) == ["AUTOMATIC", "AUTOMATIC"], patience_s=10)


def test_only_what_was_scored_can_be_accepted_and_under_the_readers_name(panel, monkeypatch):
    person = slicer.app.applicationLogic().GetUserInformation()
    person.SetName("Dr. Example")
    stroke(panel, np.s_[1:5, 2:20, 2:20])
    until(lambda: "stale" in panel.ui.stateLabel.text, patience_s=10)
    assert not panel.ui.acceptButton.enabled
    assert "Re-score first" in panel.ui.acceptButton.toolTip
    assert panel.ui.flagButton.enabled
    panel.ui.rescoreButton.click()
    panel.ui.acceptButton.click()
    assert panel.ui.reviewLabel.text.startswith("Accepted by Dr. Example")
    person.SetName("")


def test_accepting_what_was_not_scored_is_refused_to_scripts_too(panel):
    from PDACScreeningLib.errors import PDACScreeningError

    stroke(panel, np.s_[1:5, 2:20, 2:20])
    with pytest.raises(PDACScreeningError, match="Re-score"):
        panel.logic.review(panel._parameterNode.result, "accepted", "")


def test_a_typed_note_is_never_lost(panel, scene, tmp_path):
    result, note = panel._parameterNode.result, panel.ui.reviewerNote
    note.setText("compare with the MRI")
    note.textEdited.emit(note.text)  # as a person who types
    other = ct_node(scene, "other")
    choose_volume(panel, other)
    assert note.text == ""
    choose_result(panel, result)
    assert note.text == "compare with the MRI"
    panel.ui.flagButton.click()
    assert "compare with the MRI" in panel.ui.reviewLabel.text


def test_a_label_map_is_never_taken_for_the_ct_in_front(module_widget, scene):
    label_map = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.app.applicationLogic().GetSelectionNode().SetActiveVolumeID(label_map.GetID())
    assert module_widget.logic.volume_in_front() is None


def test_a_result_adds_no_candidate_to_the_choice_of_the_ct(module_widget, first):
    assert module_widget.ui.inputSelector.nodeCount() == 1
