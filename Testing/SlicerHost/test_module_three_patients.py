"""A session of a reader with three patients in one scene: a patient's CT and two phantoms, screened by real children.

What the demo model says of a patient means nothing; here it has to be said, edited, scored, kept and found again, and
never to appear beside another patient. The demo model screens with few windows ("fast"), to save time.
"""

import numpy as np
import pytest
import slicer
from panel_driving import choose, findings, press_screen, segment_voxels, shown_text
from run_driving import until
from test_module_walk import PATIENCE_S, load_real_ct
from test_module_walk import pytestmark as slow_and_with_the_demo_model

from PDACScreeningLib.mrml.one_patient import newest_results
from PDACScreeningLib.mrml.result_record import PROBABILITY_ROLE, VOLUME_ROLE

pytestmark = slow_and_with_the_demo_model


def settle(panel):
    until(lambda: not panel._refreshTimer.isActive() and not panel._checkTimer.isActive(), 60)


def load_phantoms():
    from PDACScreeningPanel.sample_data import SAMPLES

    return [sample.load() for sample in SAMPLES]


def in_views(kind):
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return {getattr(view, f"Get{kind}VolumeID")() for view in views}


def shown_results():
    """Results whose segments can be seen."""
    nodes = newest_results(slicer.mrmlScene).values()
    return [node for node in nodes if node.GetDisplayNode().GetVisibility()]


def require_only(panel, volume):
    """Panel, views, segments and map are of this CT and of no other."""
    result = newest_results(slicer.mrmlScene)[volume.GetID()]
    assert panel._parameterNode.inputVolume is volume
    assert panel._parameterNode.result is result
    assert in_views("Background") == {volume.GetID()}
    assert in_views("Foreground") <= {None, result.GetNodeReferenceID(PROBABILITY_ROLE)}
    assert shown_results() == [result]
    assert f"Volume {volume.GetName()}" in panel.ui.detailsLabel.text


def stroke(panel, result, volume):
    """Paint tumor into the middle of the pancreas as an effect does. Returns the voxels before."""
    editor, before = panel.ui.segmentEditorWidget, segment_voxels(result, volume, "Tumor")
    editor.setCurrentSegmentID("Tumor")
    editor.saveStateForUndo()
    painted = before.copy()
    z, y, x = np.median(np.argwhere(segment_voxels(result, volume, "Pancreas")), axis=0).astype(int)
    painted[z - 3 : z + 3, y - 6 : y + 6, x - 6 : x + 6] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, result, "Tumor", volume)
    until(lambda: "stale" in panel.ui.stateLabel.text, patience_s=60)
    return before


def queue(panel):
    table = panel.ui.queueTable
    return [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount)]


def test_three_patients_from_screening_to_the_queue_and_back_from_the_disk(module_widget, scene, tmp_path):
    panel, ui = module_widget, module_widget.ui
    patient = load_real_ct()
    with_tumor, without = load_phantoms()
    scans = {scan.GetName(): scan for scan in (patient, with_tumor, without)}

    # select, screen
    choose(panel, with_tumor, "demo-phantom")
    ui.protocolSelector.setCurrentIndex(ui.protocolSelector.findData("fast"))
    press_screen(panel, PATIENCE_S)
    settle(panel)
    result = panel._parameterNode.result
    require_only(panel, with_tumor)
    worker = panel.logic.workers._kept

    # jump
    ui.inputSelector.setCurrentNode(patient)
    assert ui.verdictLabel.text == ""
    ui.resultSelector.setCurrentNode(result)
    settle(panel)
    require_only(panel, with_tumor)
    for finding in panel.logic.shown_result(result).screening.findings:
        ui.nextFindingButton.click()
        left, posterior, superior = finding.inside_lps_mm
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            center = [view.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]
            assert center == pytest.approx([-left, -posterior, superior])
    assert in_views("Background") == {with_tumor.GetID()}

    # paint, undo, paint again, re-score, accept
    before = stroke(panel, result, with_tumor)
    assert not ui.acceptButton.enabled
    ui.segmentEditorWidget.undo()
    until(lambda: ui.stateLabel.text.startswith("AI result, not edited"), patience_s=60)
    assert np.array_equal(segment_voxels(result, with_tumor, "Tumor"), before)
    stroke(panel, result, with_tumor)
    ui.rescoreButton.click()
    assert ui.reviewProblemLabel.text == ""
    assert "scored again" in ui.stateLabel.text
    ui.reviewerNote.text = "three patients"
    ui.acceptButton.click()
    assert ui.reviewLabel.text.startswith("Accepted")
    said = shown_text(panel), findings(panel), ui.changeLabel.text, ui.reviewLabel.text

    # queue: the other two, by the same child
    ui.queueButton.click()
    until(lambda: not panel.queue.running and not panel.screening.running, PATIENCE_S)
    settle(panel)
    assert len(newest_results(scene)) == 3
    assert panel.logic.workers._kept is worker
    require_only(panel, with_tumor)
    listed = queue(panel)
    assert {name for name, _outcome, _score in listed} == set(scans)
    assert "screen" not in " ".join(outcome for _name, outcome, _score in listed)
    for row, (name, outcome, _score) in enumerate(listed):
        ui.queueTable.cellClicked.emit(row, 0)
        settle(panel)
        require_only(panel, scans[name])
        assert ui.verdictLabel.text.startswith(outcome)

    # save, reload
    ui.resultSelector.setCurrentNode(result)
    settle(panel)
    saved = str(tmp_path / "three.mrb")
    assert slicer.util.saveScene(saved)
    scene.Clear(0)
    assert ui.verdictLabel.text == ""
    slicer.util.loadScene(saved)
    until(lambda: ui.verdictLabel.text != "", patience_s=60)
    settle(panel)
    assert (shown_text(panel), findings(panel), ui.changeLabel.text, ui.reviewLabel.text) == said
    assert queue(panel) == listed
    for row, (_name, outcome, _score) in enumerate(listed):
        ui.queueTable.cellClicked.emit(row, 0)
        settle(panel)
        volume = panel._parameterNode.result.GetNodeReference(VOLUME_ROLE)
        require_only(panel, volume)
        assert ui.verdictLabel.text.startswith(outcome)
