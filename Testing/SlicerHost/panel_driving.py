"""The panel, driven as a person would: choose, press, wait, look."""

import slicer
from run_driving import PATIENCE_S, until


def choose(widget, volume, model):
    """Choose a volume and a model, and compute on the processors. model: a folder, or a name in the list."""
    widget.ui.inputSelector.setCurrentNode(volume)
    if isinstance(model, str):
        index = widget.ui.modelSelector.findData(model)
        assert index >= 0, f"{model} is not in the list"
        widget.ui.modelSelector.setCurrentIndex(index)
    else:
        assert widget.screening.use_model_folder(model)
    widget.ui.deviceSelector.setCurrentIndex(widget.ui.deviceSelector.findData("cpu"))


def press_screen(widget, patience_s=PATIENCE_S):
    """Press Screen and wait until the panel is free again."""
    assert widget.ui.screenButton.enabled, widget.ui.screenButton.toolTip
    widget.ui.screenButton.click()
    until(lambda: not widget.screening.running, patience_s)


def screened(widget, volume, model):
    """A finished screening of a volume. Returns the segmentation node of the result."""
    choose(widget, volume, model)
    press_screen(widget)
    assert widget.ui.problemLabel.text == ""
    return widget._parameterNode.result


def paint(segmentation_node, volume, segment_id, where, value=1):
    """Set voxels of a segment through MRML, as an effect of the Segment Editor does. where: an index of (z, y, x)."""
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation_node, segment_id, volume)
    array = array.copy()
    array[where] = value
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation_node, segment_id, volume)


def segment_voxels(segmentation_node, volume, segment_id):
    """(z, y, x) voxels of a segment on the grid of the volume."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation_node, segment_id, volume).copy()


def shown_text(widget):
    """Everything the result panel says."""
    names = ("verdictLabel", "bannerLineLabel", "stateLabel", "reasonLabel", "demoLabel", "warningsLabel")
    names += ("detailsLabel",)
    return " ".join(getattr(widget.ui, name).text for name in names)


def findings(widget):
    """The rows of the table of findings."""
    table = widget.ui.findingsTable
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]
