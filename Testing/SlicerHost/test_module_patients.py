"""Two patients in one scene: each result is shown with its own volume."""

import slicer
from run_driving import until
from scans import ct_node, result_folder

from PDACScreeningLib.mrml.result_nodes import show_result


def choose_result(widget, node):
    widget.ui.resultSelector.setCurrentNode(node)
    until(lambda: not widget._refreshTimer.isActive())


def test_two_patients_keep_their_own_results(module_widget, scene, tmp_path):
    first, second = ct_node(scene, "First"), ct_node(scene, "Second")
    slicer.util.arrayFromVolume(second)[0, 0, 0] += 7
    suspicious = show_result(scene, result_folder(tmp_path / "first", first), first)
    not_assessable = show_result(scene, result_folder(tmp_path / "second", second, indeterminate=True), second)
    choose_result(module_widget, not_assessable)
    assert module_widget.ui.verdictLabel.text.startswith("Not assessable")
    assert "Volume Second" in module_widget.ui.detailsLabel.text
    choose_result(module_widget, suspicious)
    assert module_widget.ui.verdictLabel.text == "Suspicious region found"
    assert "Volume First" in module_widget.ui.detailsLabel.text
