"""The whole way of a reader through the panel, with real children and the demo model: a phantom, and a patient's CT.

What the demo model says of a patient means nothing; here it only has to be said, edited, scored, kept and found again.
"""

from pathlib import Path

import numpy as np
import pytest
import slicer
from panel_driving import choose, findings, paint, press_screen, segment_voxels, shown_text
from run_driving import until

from PDACScreeningLib.resources import resource

PATIENCE_S = 1700  # two screenings of twenty seconds, on a machine that may be busy
REAL_CT = Path(__file__).resolve().parents[3] / "shared/data/real_ct_totalsegmentator_Apache2/ts_example_ct_3mm.nii.gz"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not (resource("Models/demo-phantom") / "model.json").exists(), reason="the demo model is not installed"
    ),
]


def load_real_ct():
    if not REAL_CT.exists():
        pytest.skip("the real CT in ../shared is absent")
    return slicer.util.loadVolume(str(REAL_CT))


def load_phantom():
    from PDACScreeningPanel.sample_data import SAMPLES

    return SAMPLES[0].load()


def screen_watching(panel):
    """Press Screen. Returns the stages and the percentages that were seen meanwhile."""
    stages, percents = [], []

    def watch():
        stage = panel.ui.stageLabel.text.split(" - ")[0]
        if stage and stage not in stages[-1:]:
            stages.append(stage)
        if panel.ui.progressBar.maximum == 100:
            percents.append(panel.ui.progressBar.value)

    panel.ui.screenButton.click()
    until(lambda: not panel.screening.running, PATIENCE_S, between=watch)
    assert panel.ui.problemLabel.text == ""
    return stages, percents


def jump_through(panel, screening):
    """Go to every finding; each slice view is centered on it."""
    assert len(findings(panel)) == len(screening.findings)
    for finding in screening.findings:
        panel.ui.nextFindingButton.click()
        left, posterior, superior = finding.inside_lps_mm
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            center = [view.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]
            assert center == pytest.approx([-left, -posterior, superior])


@pytest.mark.parametrize("load", [load_phantom, load_real_ct], ids=["phantom", "real"])
def test_screen_jump_paint_rescore_accept_save_reload_and_screen_again(module, module_widget, scene, tmp_path, load):
    panel, ui = module_widget, module_widget.ui
    volume = load()
    choose(panel, volume, "demo-phantom")
    stages, percents = screen_watching(panel)
    assert len(stages) > 2
    assert max(percents) > 50
    result = panel._parameterNode.result
    screening = panel.logic.shown_result(result).screening
    assert ui.verdictLabel.text in (
        "Suspicious region found",
        "No suspicious region found - does not exclude cancer",
    ), ui.verdictLabel.text
    assert "demo" in ui.demoLabel.text.lower()
    jump_through(panel, screening)

    drawn = tuple(slice(length // 2 - 8, length // 2 + 8) for length in reversed(volume.GetImageData().GetDimensions()))
    before = segment_voxels(result, volume, "Tumor")
    paint(result, volume, "Tumor", drawn)
    until(lambda: "stale" in ui.stateLabel.text, patience_s=60)
    ui.rescoreButton.click()
    assert ui.reviewProblemLabel.text == ""
    assert "scored again" in ui.stateLabel.text
    assert ui.verdictLabel.text == "Suspicious region found"
    assert "Tumor: " in ui.changeLabel.text
    rescored = panel.logic.shown_result(result).screening
    assert rescored.tumor_voxels > (screening.tumor_voxels or 0)
    jump_through(panel, rescored)
    ui.reviewerNote.text = "a walk"
    ui.acceptButton.click()
    assert ui.reviewLabel.text.startswith("Accepted")

    said = shown_text(panel), findings(panel), ui.changeLabel.text, ui.reviewLabel.text
    edited = segment_voxels(result, volume, "Tumor")
    assert edited.sum() > before.sum()
    saved = str(tmp_path / "walk.mrb")
    assert slicer.util.saveScene(saved)
    scene.Clear(0)
    assert ui.verdictLabel.text == ""
    slicer.util.loadScene(saved)
    until(lambda: ui.verdictLabel.text != "", patience_s=60)
    assert (shown_text(panel), findings(panel), ui.changeLabel.text, ui.reviewLabel.text) == said

    reviewed, volume = panel._parameterNode.result, panel._parameterNode.inputVolume
    press_screen(panel, PATIENCE_S)
    assert panel._parameterNode.result is not reviewed
    assert ui.stateLabel.text.startswith("AI result, not edited.")
    again = panel.logic.shown_result(panel._parameterNode.result).screening
    assert (again.score, again.findings) == (screening.score, screening.findings)
    assert np.array_equal(segment_voxels(reviewed, volume, "Tumor"), edited)
