"""The panel as a reading tool: banner, keys, report, views, what-if, prior result and the queue of all CTs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import slicer
from made_result import make_result
from panel_driving import choose, findings, paint, press_screen, screened, segment_voxels
from run_driving import fake_python, load_scan, replaying_python, until
from scans import ct_node, result_folder
from screening_inputs import write_model

from PDACScreeningLib.mrml.reading_layout import LAYOUT_ID
from PDACScreeningLib.mrml.result_nodes import show_result
from PDACScreeningLib.mrml.result_record import read_record, write_record
from PDACScreeningLib.report.outcome_banner import Tone
from PDACScreeningLib.volume.label_map import Label


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_result(tmp_path_factory.mktemp("made"))


@pytest.fixture
def panel(module_widget, made, tmp_path):
    """The panel with a screening."""
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    screened(module_widget, slicer.util.loadVolume(str(made.scan)), write_model(tmp_path / "tiny", Label.TUMOR))
    return module_widget


def ground(widget):
    return widget.ui.bannerFrame.styleSheet


def test_the_banner_tells_where_how_big_and_how_sure_and_details_hold_the_rest(panel):
    ui = panel.ui
    assert not ui.bannerFrame.isHidden()
    assert Tone.SUSPICIOUS.ground_color in ground(panel)
    assert ui.bannerIcon.pixmap.width() > 0
    assert "mm (" in ui.bannerLineLabel.text
    assert "slice " in ui.bannerLineLabel.text
    assert "networks alone call a tumor" in ui.bannerLineLabel.text
    assert ui.detailsSection.collapsed
    assert "Rule:" in ui.detailsLabel.text
    assert "voxel" not in ui.verdictLabel.text + ui.bannerLineLabel.text + ui.detailsLabel.text
    assert ui.stateLabel.text.endswith("Research use only; not a medical device.")


def test_an_edit_changes_the_banner_at_once(panel):
    paint(panel._parameterNode.result, panel._parameterNode.inputVolume, "Tumor", (0, 0, 0))
    until(lambda: Tone.STALE.ground_color in ground(panel), patience_s=10)
    assert panel.ui.verdictLabel.text == "Edited: the score is stale"


def test_findings_take_no_room_when_there_are_none(module_widget, scene, tmp_path):
    ct = ct_node(scene)
    show_result(scene, result_folder(tmp_path / "none", ct, indeterminate=True), ct)
    module_widget.ui.inputSelector.setCurrentNode(ct)
    until(lambda: not module_widget._refreshTimer.isActive())
    assert module_widget.ui.findingsSection.isHidden()
    assert Tone.NOT_ASSESSABLE.ground_color in ground(module_widget)


def test_a_key_that_another_module_listens_to_stays_theirs(module_widget):
    import qt

    theirs = qt.QShortcut(qt.QKeySequence("p"), module_widget.keys._window)
    module_widget.exit()
    module_widget.enter()
    assert "P" not in module_widget.keys.shortcuts
    assert "N" in module_widget.keys.shortcuts
    theirs.setEnabled(False)
    module_widget.enter()
    assert "P" in module_widget.keys.shortcuts


def test_keys_press_buttons_that_are_on_and_no_others(panel):
    panel.keys.shortcuts["O"].activated.emit()
    assert not panel._parameterNode.result.GetDisplayNode().GetVisibility2D()
    panel.keys.shortcuts["Shift+F"].activated.emit()
    assert panel.ui.reviewLabel.text.startswith("Flagged")
    paint(panel._parameterNode.result, panel._parameterNode.inputVolume, "Tumor", (0, 0, 0))
    until(lambda: not panel.ui.acceptButton.enabled, patience_s=10)
    panel.keys.shortcuts["Shift+A"].activated.emit()
    assert panel.ui.reviewLabel.text.startswith("Flagged")


def test_the_report_is_kept_with_the_scene_opened_and_saved(panel, made, tmp_path, monkeypatch):
    import qt

    report = (made.folder / "report.html").read_text(encoding="utf-8")
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", opened.append)
    panel.ui.openReportButton.click()
    (url,) = opened
    page = Path(url.toLocalFile())
    assert page.read_text(encoding="utf-8") == report
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_given: str(tmp_path / "saved.html"))
    panel.ui.saveReportButton.click()
    assert (tmp_path / "saved.html").read_text(encoding="utf-8") == report
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    until(lambda: panel.ui.saveReportButton.enabled, patience_s=10)
    (tmp_path / "saved.html").unlink()
    panel.ui.saveReportButton.click()
    assert (tmp_path / "saved.html").read_text(encoding="utf-8") == report
    panel.cleanup()
    assert not page.exists()


def test_a_result_without_a_report_offers_none(module_widget, scene, tmp_path):
    ct = ct_node(scene)
    node = show_result(scene, result_folder(tmp_path / "bare", ct), ct)
    node.RemoveNodeReferenceIDs("PDACScreeningReport")  # as scenes of earlier versions have it
    module_widget.ui.inputSelector.setCurrentNode(ct)
    until(lambda: not module_widget._refreshTimer.isActive())
    assert not module_widget.ui.openReportButton.enabled


def test_the_probability_is_shown_from_a_threshold_with_its_colors(panel):
    ui, probability = panel.ui, panel._parameterNode.result.GetNodeReference("PDACScreeningProbability")
    ui.probabilityThresholdSlider.value = 40
    assert probability.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.4)
    assert ui.thresholdLabel.text == "0.40"
    assert ui.colorBarLabel.styleSheet.count("stop:") == 9
    panel.refresh()
    assert ui.probabilityThresholdSlider.value == 40


def test_one_click_arranges_the_views_and_a_slicer_without_views_says_so(panel, scene):
    panel.ui.layoutButton.click()
    assert panel.ui.displayProblemLabel.text == "There are no views to arrange."
    layout = scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    panel.ui.layoutButton.click()
    assert layout.GetViewArrangement() == LAYOUT_ID
    assert panel.ui.displayProblemLabel.text == ""
    orders = [layout.GetLayoutDescription(LAYOUT_ID).index(name) for name in ("Axial", "Coronal", "Sagittal")]
    assert orders == sorted(orders)


def test_another_k_replays_the_count_and_leaves_the_verdict(panel, made):
    ui, count = panel.ui, made.screening.tumor_voxels
    assert ui.whatIfSlider.value == 50
    ui.whatIfSlider.value = count
    assert ui.whatIfLabel.text.endswith(": suspicious")
    ui.whatIfSlider.value = count + 1
    assert ui.whatIfLabel.text.endswith(": not suspicious")
    assert ui.verdictLabel.text == "Suspicious region found"
    assert panel.logic.shown_result(panel._parameterNode.result).screening == made.screening


def test_a_prior_result_is_set_beside_the_shown_one(panel, made, tmp_path):
    first = panel._parameterNode.result
    press_screen(panel)
    until(lambda: panel._parameterNode.result is not first)
    assert panel.ui.priorLabel.text == ""
    panel.ui.priorSelector.setCurrentNode(first)
    lines = panel.ui.priorLabel.text.splitlines()
    assert len(lines) == 1 + len(made.screening.findings)
    assert all("+0 mm, +0.00 mL" in line for line in lines[1:])
    panel.ui.priorSelector.setCurrentNode(panel._parameterNode.result)
    assert panel.ui.priorLabel.text == "That is the result above."


def queue_rows(widget):
    table = widget.ui.queueTable
    return [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount)]


def test_all_cts_of_the_scene_are_screened_by_one_process_and_listed_by_outcome(module_widget, scene, tmp_path):
    """Real children: a scan with tumor everywhere, one that is refused, and one with a result from before."""
    widget, processes = module_widget, set()
    ready = ct_node(scene, "ready")
    show_result(scene, result_folder(tmp_path / "ready", ready, indeterminate=True), ready)
    first, second = load_scan(tmp_path, "first"), load_scan(tmp_path, "second")
    refused = slicer.util.addVolumeFromArray(slicer.util.arrayFromVolume(first).astype(float) * 1e6, name="refused")
    choose(widget, ready, write_model(tmp_path / "tiny", Label.TUMOR))
    until(lambda: widget.ui.queueButton.enabled, patience_s=10)
    widget.ui.queueButton.click()
    assert [row[1] for row in queue_rows(widget)].count("waiting") >= 1

    def look():
        if widget.screening._run is not None:
            processes.add(widget.screening._run._process)

    until(lambda: not widget.queue.running and not widget.screening.running, between=look)
    assert len(processes) == 1
    rows = queue_rows(widget)
    assert [row[0] for row in rows] == ["first", "second", "ready", "refused"]
    assert [row[1] for row in rows[:2]] == ["Suspicious region found"] * 2
    assert rows[3][1].startswith("Not assessable")
    assert widget._parameterNode.inputVolume is ready  # the reader went on looking at another patient
    widget.ui.queueTable.cellClicked.emit(1, 0)
    assert widget._parameterNode.inputVolume is second
    until(lambda: widget.ui.verdictLabel.text == "Suspicious region found", patience_s=10)
    assert refused.GetName() == "refused"


def test_the_queue_can_be_stopped_after_the_scan_under_way(module_widget, scene, tmp_path, made):
    volumes = [load_scan(tmp_path, f"scan {number}") for number in range(3)]
    module_widget.logic.python = fake_python(tmp_path, "time.sleep(60)")
    choose(module_widget, volumes[0], write_model(tmp_path / "tiny", Label.TUMOR))
    until(lambda: module_widget.ui.queueButton.enabled, patience_s=10)
    module_widget.ui.queueButton.click()
    module_widget.ui.stopQueueButton.click()
    assert not module_widget.queue.running
    assert module_widget.screening.running
    module_widget.ui.cancelButton.click()
    until(lambda: not module_widget.screening.running)
    assert [row[1] for row in queue_rows(module_widget)].count("not screened") == 2


def test_a_problem_of_another_scan_names_it(module_widget, scene, tmp_path):
    said = json.dumps({"event": "result", "outcome": "REJECTED", "reason": "It is a head.", "exit_code": 4})
    head, other = load_scan(tmp_path, "head"), load_scan(tmp_path, "other")
    module_widget.logic.python = fake_python(tmp_path, f"time.sleep(0.5); print({said!r}, flush=True); time.sleep(60)")
    choose(module_widget, head, write_model(tmp_path / "tiny", Label.TUMOR))
    module_widget.ui.screenButton.click()
    module_widget.ui.inputSelector.setCurrentNode(other)
    until(lambda: not module_widget.screening.running)
    assert module_widget.ui.problemLabel.text == "head: Not assessable: It is a head."


def test_each_network_alone_is_shown_on_demand_and_changes_neither_score_nor_review(panel):
    result, buttons = panel._parameterNode.result, panel.display.networks.buttons
    networks = result.GetNodeReference("PDACScreeningNetworks")
    shown = networks.GetDisplayNode()
    assert list(buttons) == ["64^3", "32^3", "16^3"]
    assert [button.text for button in buttons.values()] == ["64^3", "32^3", "16^3"]
    ids = [networks.GetSegmentation().GetNthSegmentID(index) for index in range(6)]
    assert not any(shown.GetSegmentVisibility(identifier) for identifier in ids)
    said = panel.ui.stateLabel.text
    buttons["32^3"].click()
    assert [identifier for identifier in ids if shown.GetSegmentVisibility(identifier)] == [
        "32^3 alone.Pancreas",
        "32^3 alone.Tumor",
    ]
    until(lambda: not panel._refreshTimer.isActive())
    assert panel.ui.stateLabel.text == said
    assert panel.ui.rescoreButton.enabled
    panel.ui.acceptButton.click()
    buttons["32^3"].click()
    assert not any(shown.GetSegmentVisibility(identifier) for identifier in ids)
    assert "edited since" not in panel.ui.reviewLabel.text


def test_the_segments_of_a_network_are_those_of_its_evidence(panel, made):
    result, volume = panel._parameterNode.result, panel._parameterNode.inputVolume
    networks = result.GetNodeReference("PDACScreeningNetworks")
    for evidence in made.screening.scales:  # this scan is screened on its own grid
        voxels = segment_voxels(networks, volume, f"{evidence.title} alone.Tumor")
        assert voxels.sum() == evidence.tumor_voxels > 0


def test_the_networks_of_one_patient_are_never_shown_over_another(panel, scene):
    networks = panel._parameterNode.result.GetNodeReference("PDACScreeningNetworks")
    panel.display.networks.buttons["64^3"].click()
    assert networks.GetDisplayNode().GetVisibility()
    panel.ui.inputSelector.setCurrentNode(ct_node(scene, "Another"))
    until(lambda: not panel._refreshTimer.isActive())
    assert not networks.GetDisplayNode().GetVisibility()
    assert panel.display.networks.buttons == {}
    assert panel.ui.networksRow.isHidden()


def test_regions_that_the_component_rule_left_out_are_rows_and_are_jumped_to(module_widget, scene, tmp_path):
    ct = ct_node(scene)
    result = show_result(scene, result_folder(tmp_path / "some", ct), ct)
    record = read_record(result)
    first, *_ = record.screening.findings
    left = replace(first, number=2, voxels=9, left_out=True, inside_lps_mm=first.centroid_lps_mm)
    screening = replace(record.screening, findings=(first, left))
    write_record(result, replace(record, screening=screening))
    module_widget.ui.inputSelector.setCurrentNode(ct)
    until(lambda: not module_widget._refreshTimer.isActive())
    assert [row[-1] for row in findings(module_widget)] == ["", "left out by the component rule"]
    module_widget.findings.go_to(1)
    assert module_widget.ui.findingsTable.currentRow() == 1


def test_banner_findings_and_review_stand_on_one_screen_of_1080_lines(panel):
    assert panel.ui.warningsLabel.text != ""
    assert panel.ui.findingsTable.rowCount == 2
    assert panel.parent.layout().totalHeightForWidth(460) <= 1080


def test_a_verdict_does_not_stand_beside_another_ct_for_a_moment(panel, scene):
    assert panel.ui.verdictLabel.text == "Suspicious region found"
    panel.ui.inputSelector.setCurrentNode(ct_node(scene, "Another"))
    assert panel.ui.verdictLabel.text == ""
    assert panel.ui.findingsTable.rowCount == 0


@pytest.mark.parametrize(("index", "window"), [(1, (400, 40)), (2, (250, 80)), (3, (150, 80))])
def test_the_windows_that_a_pancreas_is_read_with(panel, index, window):
    panel.ui.windowSelector.activated.emit(index)
    display = panel._parameterNode.inputVolume.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == window


def test_what_is_not_current_leaves_no_control_of_the_views_on(panel, scene):
    ui, volume = panel.ui, panel._parameterNode.inputVolume
    assert ui.outlineButton.enabled
    scene.RemoveNode(volume)
    until(lambda: ui.verdictLabel.text == "Not current", patience_s=10)
    assert not any(widget.enabled for widget in (ui.outlineButton, ui.surfaceButton, ui.probabilityOpacitySlider))
    assert ui.networksRow.isHidden()
