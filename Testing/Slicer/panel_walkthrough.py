r"""Walks through the panel inside a real Slicer, as a reader does. Run by ctest; also:

    Slicer --testing --no-splash --additional-module-paths PDACScreening \
        --python-script Testing/Slicer/panel_walkthrough.py

Needs the demo model. Ends Slicer with 0 when everything was as it should be, with 77 when PyTorch is not installed.
"""

import importlib.util
import sys
import time
import traceback

SKIPPED = 77
PATIENCE_S = 1800  # processors may compute for a while


def until(condition, patience_s=PATIENCE_S):
    """Let Slicer work until something is true."""
    import slicer

    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        slicer.app.processEvents()
        time.sleep(0.05)


def expect(condition, sentence):
    """Raise AssertionError with a sentence when something is not as it should be."""
    if not condition:
        raise AssertionError(sentence)


def walk(widget, volume, model):
    """Screen, jump, edit, re-score, flag. widget: the panel; model: what the list of models calls it."""
    import slicer

    ui, had_torch = widget.ui, "torch" in sys.modules  # another extension may have imported it
    ui.inputSelector.setCurrentNode(volume)
    index = ui.modelSelector.findData(model)
    expect(index >= 0, f"the model {model} is not in the list")
    ui.modelSelector.setCurrentIndex(index)
    expect(ui.screenButton.enabled, f"Screen is off: {ui.screenButton.toolTip}")
    ui.screenButton.click()
    expect(ui.cancelButton.enabled, "a run cannot be cancelled")
    until(lambda: not widget.screening.running)
    expect(ui.problemLabel.text == "", ui.problemLabel.text)
    expect(ui.verdictLabel.text != "", "there is no verdict")
    node = ui.resultSelector.currentNode()
    expect(node is not None, "there is no result in the scene")
    if ui.findingsTable.rowCount:
        ui.nextFindingButton.click()
        expect(ui.findingsTable.currentRow() == 0, "the first finding is not selected")
    tumor = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Tumor", volume).copy()
    middle = tuple(length // 2 for length in tumor.shape)
    tumor[middle] = 1 - tumor[middle]
    slicer.util.updateSegmentBinaryLabelmapFromArray(tumor, node, "Tumor", volume)
    until(lambda: "stale" in ui.stateLabel.text, 30)
    ui.rescoreButton.click()
    expect("scored again" in ui.stateLabel.text, f"after Re-score the panel says: {ui.stateLabel.text}")
    ui.flagButton.click()
    expect(ui.reviewLabel.text.startswith("Flagged"), f"after Flag the panel says: {ui.reviewLabel.text}")
    expect(had_torch or "torch" not in sys.modules, "Slicer's own process imported torch")


def main():
    """Return the exit code."""
    import slicer
    from PDACScreeningPanel.sample_data import SAMPLES

    if importlib.util.find_spec("torch") is None:
        return SKIPPED
    try:
        slicer.util.selectModule("PDACScreening")
        walk(slicer.modules.PDACScreeningWidget, SAMPLES[0].load(), "demo-phantom")
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    import slicer

    slicer.util.exit(main())  # with --testing Slicer turns every other way to exit into 1
