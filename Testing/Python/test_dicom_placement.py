"""Segments of DICOM results lie where their findings are, in any orientation, and are tied to them."""

from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from dicom_cases import (
    asymmetric_labels,
    code_of,
    directions,
    items_of,
    labels_read_back,
    made_case,
    multi_frame_case,
    numbers_of,
    read_object,
)
from sample_screenings import SUSPICIOUS

from PDACScreeningLib.dicom.object_files import REPORT, SEGMENTATION
from PDACScreeningLib.dicom.options import SEGMENTATION_KINDS, DicomOptions
from PDACScreeningLib.dicom.results import ResultVoxels, dicom_files
from PDACScreeningLib.volume.label_map import Label, LabelMap

SOME_DIRECTIONS = list(directions())[::5]  # all 30 of them: make test-dicom


@pytest.mark.parametrize("kind", SEGMENTATION_KINDS)
def test_labels_read_back_the_same_whatever_the_orientation(tmp_path, kind):
    for number, direction in enumerate(SOME_DIRECTIONS):
        case = made_case(tmp_path / str(number), direction=direction, reversed_names=number % 2 == 0)
        voxels = replace(case.voxels, ct=None)
        content = dict(dicom_files(case.screening, voxels, case.source, DicomOptions(kind)))[SEGMENTATION]
        if kind == "fractional":  # occupancy of 0 or 1
            stored = read_object(content)
            assert np.count_nonzero(stored.pixel_array == 255) == np.count_nonzero(asymmetric_labels())
            continue
        assert np.array_equal(labels_read_back(content, case.source), asymmetric_labels())


def test_every_labeled_voxel_keeps_its_place_in_the_patient(tmp_path):
    for number, direction in enumerate(SOME_DIRECTIONS):
        case = made_case(tmp_path / str(number), direction=direction)
        voxels = replace(case.voxels, ct=None)
        content = dict(dicom_files(case.screening, voxels, case.source, DicomOptions()))[SEGMENTATION]
        read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(content))
        volume = read.get_volume(combine_segments=True, allow_missing_positions=True)
        found = volume.map_indices_to_reference(np.argwhere(np.asarray(volume.array) > 0))
        expected = case.voxels.ct.geometry.index_to_world(np.argwhere(asymmetric_labels() > 0).astype(float))
        assert np.abs(in_order(found) - in_order(expected)).max() < 1e-3


@pytest.mark.parametrize("step", [1, -1])
def test_labels_of_a_multi_frame_ct_lie_on_its_frames_in_whatever_order_they_are_stored(tmp_path, step):
    case = multi_frame_case(tmp_path, direction=SOME_DIRECTIONS[1], step=step)
    source = case.source
    made = dict(dicom_files(case.screening, replace(case.voxels, ct=None), source, DicomOptions()))
    read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(made[SEGMENTATION]))
    positions = [frame.PlanePositionSequence[0] for frame in source.images[0].PerFrameFunctionalGroupsSequence]
    for frame in read.PerFrameFunctionalGroupsSequence:
        [image] = frame.DerivationImageSequence[0].SourceImageSequence
        named = positions[image.ReferencedFrameNumber - 1].ImagePositionPatient
        assert np.allclose(named, frame.PlanePositionSequence[0].ImagePositionPatient)
    volume = read.get_volume(combine_segments=True, allow_missing_positions=True)
    found = volume.map_indices_to_reference(np.argwhere(np.asarray(volume.array) > 0))
    expected = case.voxels.ct.geometry.index_to_world(np.argwhere(asymmetric_labels() > 0).astype(float))
    assert np.abs(in_order(found) - in_order(expected)).max() < 1e-3
    assert read_object(made[REPORT]).StudyInstanceUID == source.images[0].StudyInstanceUID


def in_order(points):
    return points[np.lexsort(np.round(points, 2).T)]


def test_segments_and_groups_are_tied_by_tracking_identifiers_and_by_position(
    dicom_case, dicom_report, dicom_segmentation
):
    read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(dicom_case.files()[SEGMENTATION]))
    [measurements] = [item for item in dicom_report.ContentSequence if code_of(item) == "126010"]
    assert len(measurements.ContentSequence) == len(dicom_segmentation.SegmentSequence) == 4
    for group, segment in zip(measurements.ContentSequence, dicom_segmentation.SegmentSequence, strict=True):
        named = {code_of(item): item for item in group.ContentSequence}
        assert segment.TrackingUID == named["112040"].UID
        assert named["112039"].TextValue == segment.TrackingID
        [reference] = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
        assert reference.ReferencedSOPSequence[0].ReferencedSegmentNumber == segment.SegmentNumber
        assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == dicom_segmentation.SOPInstanceUID
    numbers = read.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in dicom_case.source.images],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    geometry = dicom_case.voxels.ct.geometry
    for finding, segment in zip(dicom_case.screening.findings, dicom_segmentation.SegmentSequence[1:], strict=True):
        assert segment.TrackingID == f"Finding {finding.number}"
        z, y, x = np.rint(geometry.world_to_index(finding.inside_lps_mm)).astype(int)
        assert numbers[z, y, x] == segment.SegmentNumber


def test_findings_in_another_order_keep_their_own_voxels(dicom_case):
    swapped = replace(dicom_case.screening, findings=dicom_case.screening.findings[::-1])
    content = dict(dicom_files(swapped, replace(dicom_case.voxels, ct=None), dicom_case.source, DicomOptions()))
    voxels = [(group, value) for group, code, value in numbers_of(read_object(content[REPORT])) if code == "118565006"]
    expected = [
        dicom_case.screening.native_pancreas_volume_mm3,
        *(one.native_volume_mm3 for one in dicom_case.screening.findings),
    ]
    assert [value for _, value in voxels] == pytest.approx(expected)


def test_a_finding_without_a_voxel_of_the_scans_grid_has_words_and_no_segment(dicom_case):
    ghost = replace(dicom_case.screening.findings[0], number=4, inside_lps_mm=(900.0, 0.0, 0.0), native_volume_mm3=0.0)
    screening = replace(dicom_case.screening, findings=(*dicom_case.screening.findings, ghost))
    made = dict(dicom_files(screening, replace(dicom_case.voxels, ct=None), dicom_case.source, DicomOptions()))
    assert len(read_object(made[SEGMENTATION]).SegmentSequence) == 4
    comments = [item.TextValue for item in items_of(read_object(made[REPORT])) if code_of(item) == "121106"]
    assert any("Finding 4 has no voxel" in comment for comment in comments)


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_label_map_has_no_segmentation_object(dicom_case, count):
    labels = np.zeros_like(asymmetric_labels())
    labels[0, 0, :count] = Label.PANCREAS
    voxels = ResultVoxels(label_map=LabelMap(labels, dicom_case.voxels.ct.geometry))
    made = dict(dicom_files(replace(SUSPICIOUS, findings=()), voxels, dicom_case.source, DicomOptions()))
    assert (SEGMENTATION in made) == bool(count)


def test_more_than_255_segments_keep_their_voxels(tmp_path):
    labels = np.zeros((3, 36, 36), np.uint8)
    labels[1, ::2, ::2] = Label.TUMOR
    case = made_case(tmp_path, labels=labels)
    made = dict(dicom_files(case.screening, replace(case.voxels, ct=None), case.source, DicomOptions()))
    assert len(read_object(made[SEGMENTATION]).SegmentSequence) == 324
    assert np.array_equal(labels_read_back(made[SEGMENTATION], case.source), labels)
