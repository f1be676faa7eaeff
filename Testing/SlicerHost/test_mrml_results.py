"""A result in the scene: bound to its image, edited, scored again, reviewed, saved and loaded."""

import numpy as np
import pytest
import slicer
from scans import GEOMETRY, ct_node, labels, moved, paint, result_folder

from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.mrml.rescored_nodes import rescore
from PDACScreeningLib.mrml.result_nodes import show_result
from PDACScreeningLib.mrml.review import set_review
from PDACScreeningLib.mrml.segmentation_node import labels_from_segmentation
from PDACScreeningLib.mrml.shown_result import GONE, ResultState, shown_result
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.volume.anatomy import Anatomy, Structure
from PDACScreeningLib.volume.label_map import Label


@pytest.fixture
def volume(scene):
    return ct_node(scene)


@pytest.fixture
def result(scene, volume, tmp_path):
    return show_result(scene, result_folder(tmp_path / "result", volume), volume)


def larger_tumor():
    mask = labels().labels == Label.TUMOR
    mask[7:11, 12:16, 16:18] = True  # 64 + 32 voxels
    return mask


def test_a_fresh_result_is_current_and_says_that_nobody_edited_it(scene, result, volume):
    shown = shown_result(scene, result)
    assert shown.state == ResultState.CURRENT
    assert shown.screening.outcome == Outcome.SUSPICIOUS
    assert (shown.volume_node, shown.volume_name) == (volume, "CT")
    assert shown.state_text == "AI result, not edited."
    assert shown.rescoring_obstacle is None


def test_vessels_of_a_result_come_into_the_scene_and_are_nobodys_edit(scene, volume, tmp_path):
    structures = np.zeros(GEOMETRY.shape, np.uint8)
    structures[2:9, 3:5, 3:5] = Structure.VEINS
    anatomy = Anatomy(structures, GEOMETRY, (Structure.VEINS,))
    node = show_result(scene, result_folder(tmp_path / "result", volume, anatomy=anatomy), volume)
    shown = shown_result(scene, node)
    assert node.GetSegmentation().GetSegmentIndex("Veins") >= 0
    assert (shown.state, shown.state_text) == (ResultState.CURRENT, "AI result, not edited.")


def test_a_segmentation_of_somebody_else_is_no_result(scene):
    assert shown_result(scene, scene.AddNewNodeByClass("vtkMRMLSegmentationNode")) is None


def test_nothing_that_was_in_the_scene_is_changed(scene, volume, tmp_path):
    red = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    before = (red.GetMTime(), volume.GetMTime(), volume.GetDisplayNode().GetMTime())
    show_result(scene, result_folder(tmp_path / "result", volume), volume)
    assert (red.GetMTime(), volume.GetMTime(), volume.GetDisplayNode().GetMTime()) == before


def test_an_edit_makes_the_score_stale_and_undoing_it_makes_it_current(scene, result, volume):
    paint(result, volume, "Tumor", larger_tumor())
    assert shown_result(scene, result).state == ResultState.EDITED_STALE
    assert "score is stale" in shown_result(scene, result).state_text
    paint(result, volume, "Tumor", labels().labels == Label.TUMOR)
    assert shown_result(scene, result).state == ResultState.CURRENT


def test_scoring_again_counts_what_was_painted(scene, result, volume):
    paint(result, volume, "Tumor", larger_tumor())
    screening = rescore(scene, result)
    assert screening.tumor_voxels == 96
    assert screening.mean_tumor_probability == pytest.approx((64 * 0.9 + 32 * 0.2) / 96, abs=1e-6)
    shown = shown_result(scene, result)
    assert shown.state == ResultState.RESCORED
    assert shown.screening == screening
    assert "edited by a reviewer" in shown.state_text
    assert "Tumor: 0.51 -> 0.77 mL (+0.26, -0.00), Dice 0.800" in shown.change


def test_the_untouched_ai_segments_stay_beside_the_edited_ones(scene, result, volume):
    paint(result, volume, "Tumor", larger_tumor())
    rescore(scene, result)
    untouched = shown_result(scene, result).ai_segmentation_node
    assert not untouched.GetDisplayNode().GetVisibility()
    assert np.array_equal(labels_from_segmentation(untouched, volume).whole(), labels().labels)


def test_an_edit_after_scoring_again_is_stale_too(scene, result, volume):
    paint(result, volume, "Tumor", larger_tumor())
    rescore(scene, result)
    paint(result, volume, "Tumor", np.zeros_like(larger_tumor()))
    assert shown_result(scene, result).state == ResultState.EDITED_STALE


def test_scoring_again_after_undoing_everything_gives_the_ai_answer(scene, result, volume):
    paint(result, volume, "Tumor", larger_tumor())
    rescore(scene, result)
    paint(result, volume, "Tumor", labels().labels == Label.TUMOR)
    assert rescore(scene, result).tumor_voxels == 64
    assert shown_result(scene, result).state == ResultState.CURRENT


def test_a_changed_image_orphans_the_result(scene, result, volume):
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    shown = shown_result(scene, result)
    assert shown.state == ResultState.ORPHANED
    assert "have changed" in shown.state_text
    with pytest.raises(PDACScreeningError, match="have changed"):
        rescore(scene, result)


def test_another_spacing_orphans_the_result(scene, result, volume):
    volume.SetSpacing(2.0, 2.0, 2.5)
    assert shown_result(scene, result).state == ResultState.ORPHANED


def test_a_deleted_volume_orphans_the_result(scene, result, volume):
    scene.RemoveNode(volume)
    shown = shown_result(scene, result)
    assert (shown.state, shown.state_text, shown.volume_node) == (ResultState.ORPHANED, f"Not current: {GONE}", None)
    assert shown.volume_name == "CT"


def test_a_volume_moved_away_from_its_segments_orphans_the_result(scene, result, volume):
    moved(scene, volume)
    assert shown_result(scene, result).state == ResultState.ORPHANED


def test_moving_volume_and_segments_together_changes_nothing(scene, result, volume):
    transform = moved(scene, volume)
    result.SetAndObserveTransformNodeID(transform.GetID())
    assert shown_result(scene, result).state == ResultState.CURRENT


def test_without_the_probability_nothing_can_be_scored_again(scene, result):
    scene.RemoveNode(shown_result(scene, result).probability_node)
    assert shown_result(scene, result).rescoring_obstacle is not None
    with pytest.raises(PDACScreeningError, match="deleted"):
        rescore(scene, result)


def test_scoring_again_asks_for_untouched_ai_segments(scene, result, volume):
    paint(shown_result(scene, result).ai_segmentation_node, volume, "Tumor", larger_tumor())
    with pytest.raises(PDACScreeningError, match="AI's segments were changed"):
        rescore(scene, result)


def test_screening_again_makes_a_new_result(scene, result, volume, tmp_path):
    paint(result, volume, "Tumor", larger_tumor())
    again = show_result(scene, result_folder(tmp_path / "again", volume), volume)
    assert again is not result
    assert again.GetName() != result.GetName()
    assert np.count_nonzero(labels_from_segmentation(result, volume).values == Label.TUMOR) == 96


def test_an_indeterminate_outcome_is_kept_with_empty_segments(scene, volume, tmp_path):
    node = show_result(scene, result_folder(tmp_path / "result", volume, indeterminate=True), volume)
    shown = shown_result(scene, node)
    assert (shown.screening.outcome, shown.state) == (Outcome.INDETERMINATE, ResultState.CURRENT)
    assert shown.rescoring_obstacle is not None


def test_a_review_is_kept_as_status_note_and_time(scene, result, volume):
    set_review(result, "accepted", note="agrees with the report", reviewer="AB")
    status = slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentStatus(result.GetSegmentation().GetSegment("Tumor"))
    assert status == slicer.vtkSlicerSegmentationsModuleLogic.Completed
    shown = shown_result(scene, result)
    assert shown.review.note == "agrees with the report"
    assert shown.review_text.startswith("Accepted by AB 20")
    paint(result, volume, "Tumor", larger_tumor())
    assert "edited since" in shown_result(scene, result).review_text


def test_a_review_is_one_of_two(result):
    with pytest.raises(ValueError, match="accepted or flagged"):
        set_review(result, "fine")


@pytest.mark.parametrize("suffix", [".mrb", ".mrml"])
def test_a_saved_scene_brings_everything_back(scene, result, volume, tmp_path, suffix):
    paint(result, volume, "Tumor", larger_tumor())
    before = rescore(scene, result)
    set_review(result, "flagged", note='second look: "tail"; 50 % | a')
    change = shown_result(scene, result).change
    path = tmp_path / f"case{suffix}"
    if suffix == ".mrml":
        save_every_node(tmp_path)
    assert slicer.util.saveScene(str(path))
    scene.Clear(0)
    slicer.util.loadScene(str(path))
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    (shown,) = [found for node in nodes if (found := shown_result(scene, node)) is not None]
    assert shown.state == ResultState.RESCORED
    assert shown.screening == before
    assert shown.review.note == 'second look: "tail"; 50 % | a'
    assert shown.volume_node.GetName() == "CT"
    assert shown.change == change
    paint(shown.segmentation_node, shown.volume_node, "Tumor", labels().labels == Label.TUMOR)
    assert rescore(scene, shown.segmentation_node).tumor_voxels == 64


def save_every_node(folder):
    """As the Save dialog does before it writes the scene."""
    for index, node in enumerate(slicer.util.getNodesByClass("vtkMRMLStorableNode")):
        if node.IsA("vtkMRMLSegmentationNode"):
            slicer.util.saveNode(node, str(folder / f"node{index}.seg.nrrd"))
        elif node.IsA("vtkMRMLScalarVolumeNode"):
            slicer.util.saveNode(node, str(folder / f"node{index}.nrrd"))
