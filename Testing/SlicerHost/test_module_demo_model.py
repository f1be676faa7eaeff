"""The panel with the demo model that ships, on the phantoms that the module offers as sample data."""

import pytest
from panel_driving import findings, press_screen

from PDACScreeningLib.resources import resource

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (resource("Models/demo-phantom") / "model.json").exists(), reason="the demo model is not installed"
    ),
]


def screen_sample(widget, number):
    """Load a sample, choose the demo model in the list as a person does, and screen on the processors."""
    from PDACScreeningPanel.sample_data import SAMPLES

    ui = widget.ui
    ui.inputSelector.setCurrentNode(SAMPLES[number].load())
    assert not ui.screenButton.enabled  # a demo model is never chosen for a person
    ui.modelSelector.setCurrentIndex(ui.modelSelector.findData("demo-phantom"))
    assert "phantom" in ui.modelCardLabel.text
    ui.deviceSelector.setCurrentIndex(ui.deviceSelector.findData("cpu"))
    press_screen(widget, patience_s=550)
    assert ui.problemLabel.text == ""


@pytest.mark.parametrize("number", [0, 1])
def test_the_demo_model_answers_and_is_named_as_a_demo(module_widget, number):
    screen_sample(module_widget, number)
    ui = module_widget.ui
    assert ui.verdictLabel.text
    assert "demo" in ui.demoLabel.text.lower()
    # warnings may name a share of a region
    assert "%" not in ui.verdictLabel.text + ui.bannerLineLabel.text + ui.detailsLabel.text
    screening = module_widget.logic.shown_result(module_widget._parameterNode.result).screening
    assert len(findings(module_widget)) == len(screening.findings)
    if screening.findings:
        ui.nextFindingButton.click()
        assert ui.findingsTable.currentRow() == 0
