"""Volumes, segments, probability and slice views as real MRML nodes."""

import numpy as np
import pytest
import slicer
import vtk
from sample_screenings import MODEL
from scans import GEOMETRY, ct_node, labels, moved, paint, part, probability

from PDACScreeningLib.errors import GeometryMismatch, InputRejected
from PDACScreeningLib.mrml.ct_volume_node import ct_volume_from_node, write_input_file
from PDACScreeningLib.mrml.probability_node import probability_from_node, set_overlay_opacity, show_probability
from PDACScreeningLib.mrml.segmentation_node import (
    algorithm_type,
    foreign_segments,
    keep_algorithm_types,
    labels_from_segmentation,
    segment_editor_node,
    show_segmentation,
    show_surface,
)
from PDACScreeningLib.mrml.slice_views import CT_WINDOWS, apply_window, jump_to
from PDACScreeningLib.mrml.subject_hierarchy import place_in_folder
from PDACScreeningLib.report.segmentation_file import write_segmentation
from PDACScreeningLib.scan_files.image_io import read_ct_file
from PDACScreeningLib.volume.anatomy import Anatomy, AnatomyPart, Structure
from PDACScreeningLib.volume.label_map import Label

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def volume(scene):
    return ct_node(scene)


@pytest.fixture
def segmentation(scene, volume):
    return show_segmentation(scene, part(labels().labels), volume, "Result", MODEL)


def test_a_tilted_volume_keeps_its_place_in_the_patient(volume):
    ct = ct_volume_from_node(volume)
    assert ct.geometry.is_close(GEOMETRY)
    world = [0.0, 0.0, 0.0, 1.0]
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    matrix.MultiplyPoint([3.0, 2.0, 1.0, 1.0], world)
    right, back, up = GEOMETRY.index_to_world((1.0, 2.0, 3.0))
    assert world[:3] == pytest.approx([-right, -back, up])


def test_the_file_for_the_child_process_reads_as_the_same_scan(volume, tmp_path):
    read = read_ct_file(write_input_file(volume, tmp_path / "ct.nrrd"))
    ct = ct_volume_from_node(volume)
    assert np.array_equal(read.volume.hu, ct.hu)
    assert read.volume.geometry.is_close(ct.geometry)


def test_the_file_for_the_child_process_does_not_name_the_volume(scene, tmp_path):
    path = write_input_file(ct_node(scene, "DOE^JANE"), tmp_path / "ct.nrrd")
    assert b"DOE" not in path.read_bytes()


def test_a_node_without_an_image_is_rejected(scene):
    with pytest.raises(InputRejected, match="no image"):
        ct_volume_from_node(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))


def test_a_sheared_volume_is_rejected(volume):
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    matrix.SetElement(0, 2, 1.5)
    volume.SetIJKToRASMatrix(matrix)
    with pytest.raises(InputRejected, match="orthonormal"):
        ct_volume_from_node(volume)


def test_segments_read_back_voxel_by_voxel(segmentation, volume):
    assert np.array_equal(labels_from_segmentation(segmentation, volume).whole(), labels().labels)


def test_segments_have_names_colors_codes_and_a_dicom_algorithm(segmentation):
    tumor = segmentation.GetSegmentation().GetSegment("Tumor")
    entry, tag = tumor.GetTerminologyEntryTagName(), "DICOM.SegmentAlgorithmType"
    text = {name: vtk.reference("") for name in (entry, tag, "DICOM.SegmentAlgorithmName")}
    for name, value in text.items():
        assert tumor.GetTag(name, value)
    assert "SCT^4147007^Mass" in str(text[entry])
    assert str(text[tag]) == "AUTOMATIC"
    assert "demo-phantom" in str(text["DICOM.SegmentAlgorithmName"])
    assert tumor.GetColor() == pytest.approx((0xD5 / 255, 0x5E / 255, 0))


def test_segments_are_outlined_and_not_filled(segmentation):
    display = segmentation.GetDisplayNode()
    assert display.GetVisibility2DOutline()
    assert not display.GetVisibility2DFill()


def test_segments_lie_under_the_transform_of_the_ct(scene, volume):
    transform = moved(scene, volume)
    node = show_segmentation(scene, part(labels().labels), volume, "Result", None)
    assert node.GetTransformNodeID() == transform.GetID()
    assert np.array_equal(labels_from_segmentation(node, volume).whole(), labels().labels)
    node.SetAndObserveTransformNodeID(None)
    with pytest.raises(GeometryMismatch, match="different transforms"):
        labels_from_segmentation(node, volume)


def test_a_result_stands_in_a_folder_of_its_own_beside_the_ct_in_its_study(scene, volume):
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "Study")
    tree.CreateItem(study, volume)
    node = show_segmentation(scene, part(labels().labels), volume, "Result", None)
    place_in_folder(scene, [node], volume, "Screening")
    folder = tree.GetItemParent(tree.GetItemByDataNode(node))
    assert (tree.GetItemName(folder), tree.GetItemParent(folder)) == ("Screening", study)


def test_painting_tumor_over_pancreas_keeps_the_pancreas_and_tumor_wins(segmentation, volume):
    painted = labels().labels == Label.TUMOR
    painted[5:7, 10:20, 10:20] = True
    paint(segmentation, volume, "Tumor", painted)
    both = labels_from_segmentation(segmentation, volume)
    assert np.count_nonzero(both.values == Label.TUMOR) == 64 + 200
    image = slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation("Pancreas", image)
    assert slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Pancreas", volume).sum() == 800 - 64


def test_a_deleted_segment_counts_as_empty_and_a_foreign_one_not_at_all(segmentation, volume):
    segmentation.GetSegmentation().RemoveSegment("Tumor")
    segmentation.GetSegmentation().AddEmptySegment("", "Duct")
    assert np.count_nonzero(labels_from_segmentation(segmentation, volume).values == Label.TUMOR) == 0
    assert foreign_segments(segmentation) == ("Duct",)


def test_an_empty_label_is_a_segment_ready_to_be_painted(scene, volume):
    nothing = labels()
    nothing.labels[:] = 0
    node = show_segmentation(scene, part(nothing.labels), volume, "Result", None)
    assert labels_from_segmentation(node, volume).values.sum() == 0
    paint(node, volume, "Tumor", labels().labels == Label.TUMOR)
    assert np.count_nonzero(labels_from_segmentation(node, volume).values == Label.TUMOR) == 64


def test_only_a_segment_that_differs_from_the_ais_is_exported_as_semiautomatic(scene, segmentation, volume):
    untouched = show_segmentation(scene, part(labels().labels), volume, "AI", None)
    tumor, pancreas = (segmentation.GetSegmentation().GetSegment(name) for name in ("Tumor", "Pancreas"))
    before = labels().labels == Label.TUMOR
    larger = before.copy()
    larger[5] = True
    paint(segmentation, volume, "Tumor", larger)
    keep_algorithm_types(segmentation, untouched, volume)
    assert (algorithm_type(tumor), algorithm_type(pancreas)) == ("SEMIAUTOMATIC", "AUTOMATIC")
    paint(segmentation, volume, "Tumor", before)
    keep_algorithm_types(segmentation, untouched, volume)
    assert algorithm_type(tumor) == "AUTOMATIC"


def test_a_tumor_inside_the_pancreas_is_seen_in_3d(segmentation):
    display = segmentation.GetDisplayNode()
    assert display.GetSegmentOpacity3D("Pancreas") == pytest.approx(0.3)
    assert display.GetSegmentOpacity3D("Tumor") == 1.0


def test_surfaces_come_on_demand(segmentation):
    assert not segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
    show_surface(segmentation, True)
    assert segmentation.GetClosedSurfaceInternalRepresentation("Tumor").GetNumberOfPoints() > 0
    show_surface(segmentation, False)
    assert not segmentation.GetDisplayNode().GetVisibility3D()


def test_a_label_map_of_another_grid_is_refused(scene, volume):
    volume.SetSpacing(1.0, 1.0, 1.0)
    with pytest.raises(GeometryMismatch, match="another scan"):
        show_segmentation(scene, part(labels().labels), volume, "Result", None)


def test_the_editor_node_is_our_own_and_lets_segments_overlap(scene):
    node = segment_editor_node(scene)
    assert segment_editor_node(scene) is node
    assert node.GetSingletonTag() == "PDACScreening"
    assert node.GetOverwriteMode() == node.OverwriteNone


def test_the_probability_reads_back_and_is_in_no_view_until_asked_for(scene, volume):
    node = show_probability(scene, part(probability()), volume, "Probability")
    assert np.array_equal(probability_from_node(node, volume).whole(), probability())
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert not any(view.GetForegroundVolumeID() for view in views)
    set_overlay_opacity(scene, node, 0.4)
    assert {view.GetForegroundVolumeID() for view in views} == {node.GetID()}
    set_overlay_opacity(scene, node, 0.0)
    assert not any(view.GetForegroundVolumeID() for view in views)


def test_a_foreground_of_somebody_else_is_left_alone(scene, volume):
    red = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    red.SetForegroundVolumeID(volume.GetID())
    node = show_probability(scene, part(probability()), volume, "Probability")
    set_overlay_opacity(scene, node, 0.4)
    assert red.GetForegroundVolumeID() == volume.GetID()


def test_views_jump_to_a_place_through_the_transform_of_the_ct(scene, volume):
    moved(scene, volume)
    jump_to(scene, (5.0, -7.0, 60.0), volume)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        to_ras = view.GetSliceToRAS()
        assert [to_ras.GetElement(row, 3) for row in range(3)] == pytest.approx([-5 + 10, 7 + 20, 60 + 30])


def test_the_abdomen_window_is_set_when_asked_for(volume):
    apply_window(volume, CT_WINDOWS[0])
    assert (volume.GetDisplayNode().GetWindow(), volume.GetDisplayNode().GetLevel()) == (400.0, 40.0)


def test_a_map_keeps_only_the_box_that_is_not_zero_and_comes_back_whole(scene, volume):
    values = np.zeros(GEOMETRY.shape, np.float32)
    values[7:11, 12:16, 13:18] = 0.75
    node = show_probability(scene, part(values), volume, "Probability")
    assert node.GetImageData().GetDimensions() == (5, 4, 4)
    assert np.array_equal(probability_from_node(node, volume).whole(), values)
    corner = (0.0, 0.0, 0.0)
    of_ct, of_map = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(of_ct)
    node.GetIJKToRASMatrix(of_map)
    assert of_map.MultiplyPoint((*corner, 1)) == pytest.approx(of_ct.MultiplyPoint((13, 12, 7, 1)))


def test_a_map_without_any_probability_is_a_voxel(scene, volume):
    nothing = np.zeros(GEOMETRY.shape, np.float32)
    node = show_probability(scene, part(nothing), volume, "Probability")
    assert node.GetImageData().GetNumberOfPoints() == 1
    assert np.array_equal(probability_from_node(node, volume).whole(), nothing)


def test_a_map_that_was_moved_is_refused(scene, volume):
    node = show_probability(scene, part(probability()), volume, "Probability")
    node.SetOrigin(0.3, 0.0, 0.0)
    with pytest.raises(GeometryMismatch, match="another grid"):
        probability_from_node(node, volume)


def test_a_map_is_not_offered_as_a_ct(scene, volume):
    show_probability(scene, part(probability()), volume, "Probability")
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(scene)
    assert selector.nodeCount() == 1
    selector.setMRMLScene(None)


def anatomy():
    structures = np.zeros(GEOMETRY.shape, np.uint8)
    structures[2:9, 3:5, 3:5] = Structure.VEINS
    structures[labels().labels == Label.PANCREAS] = Structure.DUCT  # it overlaps the pancreas
    return Anatomy(structures, GEOMETRY, (Structure.VEINS, Structure.DUCT, Structure.BILE_DUCT))


def voxels_of(segmentation, volume, segment_id):
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
    return np.zeros(GEOMETRY.shape, bool) if mask is None else mask != 0


def test_vessels_and_ducts_are_segments_that_no_score_counts(scene, volume):
    shown = AnatomyPart(part(anatomy().structures), anatomy().looked_at)
    node = show_segmentation(scene, part(labels().labels), volume, "Result", MODEL, shown)
    assert np.array_equal(labels_from_segmentation(node, volume).whole(), labels().labels)
    assert foreign_segments(node) == ()
    found = anatomy().structures
    assert np.array_equal(voxels_of(node, volume, "Veins"), found == Structure.VEINS)
    assert np.array_equal(voxels_of(node, volume, "PancreaticDuct"), found == Structure.DUCT)
    assert node.GetSegmentation().GetSegmentIndex("CommonBileDuct") >= 0  # looked for, none found
    assert node.GetSegmentation().GetSegmentIndex("Arteries") < 0


def test_slicer_itself_reads_both_layers_of_the_file(scene, volume, tmp_path):
    path = write_segmentation(labels(), tmp_path / "labels.seg.nrrd", MODEL, anatomy())
    node = slicer.util.loadSegmentation(str(path))
    segmentation = node.GetSegmentation()
    names = {segmentation.GetNthSegmentID(n): segmentation.GetNthSegment(n).GetName() for n in range(5)}
    assert names == {
        "Pancreas": "Pancreas",
        "Tumor": "Tumor",
        "Veins": "Veins",
        "PancreaticDuct": "Pancreatic duct",
        "CommonBileDuct": "Common bile duct",
    }
    for segment, expected in (
        ("Pancreas", labels().labels == Label.PANCREAS),
        ("Tumor", labels().labels == Label.TUMOR),
        ("Veins", anatomy().structures == Structure.VEINS),
        ("PancreaticDuct", anatomy().structures == Structure.DUCT),
    ):
        assert np.array_equal(voxels_of(node, volume, segment), expected), segment
