"""A label map on its gland, and on the mirror image of it."""

import numpy as np
import pytest
from dataset_trees import SPACING_MM, gland_in_fat
from stored_scans import REAL_CT

from PDACScreeningLib.datasets.label_placement import POSES, describe, label_placement, mirrored
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.volume.orientation import canonical_orientation

REAL = (
    ("ts_example_ct_3mm.nii.gz", "ts_example_pancreas_3mm.nii.gz"),  # no contrast, fatty gland
    ("dicom_portal_venous", "ts_dicom_pancreas_on_dicom_grid.nii.gz"),  # a gland cut off by the end of the scan
)


def real_case(image, labels):
    if not (REAL_CT / image).exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    ct, label_map = read_scan(REAL_CT / image).volume, read_label_map(REAL_CT / labels)
    orientation = canonical_orientation(ct.geometry)
    canonical = orientation.canonical_geometry(ct.geometry)
    return orientation.to_canonical(ct.hu), orientation.to_canonical(label_map.labels), canonical.spacing_mm


def test_contrast_by_pencil():
    hu = np.full((20, 20, 20), -100, np.int16)
    hu[2:5, 2:5, 2:5] = 100
    labels = np.zeros(hu.shape, np.uint8)
    labels[2:5, 2:5, 2:6] = 1  # 27 voxels of soft tissue, 9 of fat
    placement = label_placement(hu, labels, (3.0, 3.0, 3.0))
    assert placement.contrasts[0] == pytest.approx(27 / 36)
    assert placement.contrasts[1:] == (0.0,) * 7, "where the label lies mirrored, and around it, is fat"
    assert placement.lead == pytest.approx(27 / 36)


def test_a_label_map_where_it_belongs_is_believed():
    placement = label_placement(*gland_in_fat(), SPACING_MM)
    assert not placement.is_mirrored
    assert not placement.is_doubtful


@pytest.mark.parametrize("flips", POSES[1:], ids=describe)
def test_every_mirroring_is_found_and_named(flips):
    hu, labels = gland_in_fat()
    placement = label_placement(hu, mirrored(labels, flips), SPACING_MM)
    assert placement.is_mirrored
    assert placement.best_mirrored == flips


def test_a_gland_that_is_its_own_mirror_image_proves_nothing_and_is_not_refused():
    hu = np.full((11, 11, 11), -100, np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    hu[4:7, 4:7, 4:7], labels[4:7, 4:7, 4:7] = 80, 1
    placement = label_placement(hu, labels, (3.0, 3.0, 3.0))
    assert placement.is_doubtful
    assert not placement.is_mirrored


def test_a_label_map_that_fills_the_scan_proves_nothing():
    placement = label_placement(np.zeros((8, 8, 8), np.int16), np.ones((8, 8, 8), np.uint8), (1.0, 1.0, 1.0))
    assert placement.contrasts == (0.0,) * 8


def test_coarse_voxels_still_have_neighbors():
    hu, labels = gland_in_fat()
    assert label_placement(hu, labels, (8.0, 8.0, 8.0)).lead > 0.5


def test_an_empty_label_map_lies_nowhere():
    with pytest.raises(ValueError, match="without a pancreas"):
        label_placement(np.zeros((4, 4, 4), np.int16), np.zeros((4, 4, 4), np.uint8), (1.0, 1.0, 1.0))


@pytest.mark.parametrize("case", REAL, ids=lambda case: case[0])
def test_on_real_scans_the_right_pose_is_believed_and_all_seven_mirrored_ones_are_refused(case):
    hu, labels, spacing_mm = real_case(*case)
    assert label_placement(hu, labels, spacing_mm).lead > 0.15
    for flips in POSES[1:]:
        placement = label_placement(hu, mirrored(labels, flips), spacing_mm)
        assert placement.is_mirrored, describe(flips)
        assert placement.best_mirrored == flips
