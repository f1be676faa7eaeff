"""A label map on the grid of its scan."""

from dataclasses import replace

import numpy as np
import pytest
from dataset_trees import GEOMETRY, gland_in_fat
from stored_scans import ORIENTATIONS, REAL_CT, stored_as

from PDACScreeningLib.datasets.label_grid import labels_on_scan
from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.label_mapping import LabelMapping

_, LABELS = gland_in_fat(tumor=True)


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
def test_other_axes_in_the_file_are_the_same_voxels(orientation):
    stored = LabelMap(*stored_as(LABELS, GEOMETRY, orientation))
    assert np.array_equal(labels_on_scan(stored, GEOMETRY).labels, LABELS)


def test_rounding_of_a_header_is_no_difference():
    moved = replace(GEOMETRY, origin_mm=tuple(mm + 0.05 for mm in GEOMETRY.origin_mm))
    assert not labels_on_scan(LabelMap(LABELS, moved), GEOMETRY).position_ignored


def test_another_size_is_told_with_both_sizes():
    cut = LabelMap(LABELS[:-1], replace(GEOMETRY, shape=(35, 44, 48)))
    with pytest.raises(GeometryMismatch, match="48 x 44 x 35 voxels, the scan 48 x 44 x 36"):
        labels_on_scan(cut, GEOMETRY, position_may_differ=True)


def test_another_place_is_refused_unless_the_data_set_is_known_for_it():
    elsewhere = LabelMap(LABELS, replace(GEOMETRY, origin_mm=(0.0, 0.0, 0.0)))
    with pytest.raises(GeometryMismatch, match="lies elsewhere"):
        labels_on_scan(elsewhere, GEOMETRY)
    placed = labels_on_scan(elsewhere, GEOMETRY, position_may_differ=True)
    assert placed.position_ignored
    assert np.array_equal(placed.labels, LABELS)


def test_another_spacing_is_always_refused():
    wider = LabelMap(LABELS, replace(GEOMETRY, spacing_mm=(3.0, 3.0, 3.2)))
    with pytest.raises(GeometryMismatch, match=r"3, 3, 3\.2 mm apart"):
        labels_on_scan(wider, GEOMETRY, position_may_differ=True)


def test_a_real_label_map_with_a_flipped_axis_lies_on_its_dicom_scan():
    if not REAL_CT.exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    scan = read_scan(REAL_CT / "dicom_portal_venous").volume.geometry
    pancreas = LabelMapping(((7, Label.PANCREAS),), rest=Label.BACKGROUND)
    flipped = read_label_map(REAL_CT / "ts_dicom_multilabel_v2_yflipped_grid.nii.gz", pancreas)
    same = read_label_map(REAL_CT / "ts_dicom_pancreas_on_dicom_grid.nii.gz")
    assert flipped.geometry.direction != scan.direction
    assert np.array_equal(labels_on_scan(flipped, scan).labels, labels_on_scan(same, scan).labels)
