"""Pictures show the patient as a radiologist expects, however the scan is stored."""

import numpy as np
import pytest
from stored_scans import OBLIQUE, ORIENTATIONS, stored_as

from PDACScreeningLib.report.image_plane import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    ImagePlane,
    sample_hu,
    sample_label,
    whole_plane,
    world_bounds,
)
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import IDENTITY, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

# A marker at the patient's left, in front, and high up: 20 mm L, 15 mm A, 10 mm S of the middle.
MARKER = (20.0, -15.0, 10.0)
TOP_RIGHT, TOP_LEFT = (1, 1), (1, -1)


def scan_with_marker(stored, direction=IDENTITY, spacing_mm=(1.5, 1.5, 2.5)):
    """Soft tissue with one bright ball at MARKER, the world's zero in the middle."""
    shape = (40, 50, 60)
    middle = (np.array(shape) - 1) / 2
    at_zero = Geometry(shape, spacing_mm, (0.0, 0.0, 0.0), direction)
    geometry = Geometry(shape, spacing_mm, tuple(-at_zero.index_to_world(middle)), direction)
    apart_mm = np.linalg.norm(geometry.index_to_world(np.moveaxis(np.indices(shape), 0, -1)) - MARKER, axis=-1)
    hu = np.where(apart_mm < 5, 1000, 0).astype(np.int16)
    return CTVolume(*stored_as(hu, geometry, stored))


def center_of_brightness(picture):
    rows, columns = np.nonzero(picture > 500)
    return rows.mean(), columns.mean()


@pytest.mark.parametrize("stored", ORIENTATIONS)
@pytest.mark.parametrize(
    ("view", "expected_mm"),
    [
        (AXIAL, (-15.0, 20.0)),  # (down, right): front is up, the patient's left is on the right
        (CORONAL, (-10.0, 20.0)),  # the head is up
        (SAGITTAL, (-10.0, -15.0)),  # the front is on the left
    ],
)
def test_a_marker_at_the_left_front_top_lands_where_it_belongs(stored, view, expected_mm):
    ct = scan_with_marker(stored)
    through_marker = tuple(np.where(np.abs(np.add(view.right, view.down)) > 0, 0.0, MARKER))
    plane = ImagePlane(view, through_marker, 80.0, 80)
    row, column = center_of_brightness(sample_hu(ct, plane))
    assert row - 39.5 == pytest.approx(expected_mm[0], abs=0.6)
    assert column - 39.5 == pytest.approx(expected_mm[1], abs=0.6)


@pytest.mark.parametrize("stored", ORIENTATIONS[::7])
def test_an_oblique_scan_shows_the_same_place(stored):
    ct = scan_with_marker(stored, OBLIQUE)
    row, column = center_of_brightness(sample_hu(ct, ImagePlane(AXIAL, (0.0, 0.0, 10.0), 80.0, 160)))
    assert ((row - 79.5) / 2, (column - 79.5) / 2) == pytest.approx((-15.0, 20.0), abs=0.6)


def test_pixels_are_square_whatever_the_voxels_are():
    ct = scan_with_marker(ORIENTATIONS[0], spacing_mm=(0.8, 0.8, 3.0))
    bright = sample_hu(ct, ImagePlane(CORONAL, (0.0, -15.0, 0.0), 60.0, 240)) > 500
    rows, columns = np.nonzero(bright)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=6)  # a ball is round: 10 mm are 40 pixels


def test_outside_the_scan_is_air():
    ct = CTVolume(np.zeros((4, 4, 4), np.int16), Geometry((4, 4, 4), (1.0, 1.0, 1.0)))
    hu = sample_hu(ct, ImagePlane(AXIAL, (1.5, 1.5, 1.5), 20.0, 20))
    assert hu[0, 0] == -1024
    assert hu[10, 10] == 0
    assert np.all(sample_hu(ct, ImagePlane(AXIAL, (1.5, 1.5, 99.0), 20.0, 20)) == -1024)


def test_a_labeled_voxel_covers_its_own_square():
    labels = np.zeros((3, 3, 3), np.uint8)
    labels[1, 1, 1] = Label.TUMOR
    label_map = LabelMap(labels, Geometry((3, 3, 3), (4.0, 4.0, 4.0)))
    covered = sample_label(label_map, Label.TUMOR, ImagePlane(AXIAL, (4.0, 4.0, 4.0), 12.0, 24))
    assert covered[11, 11]
    assert not covered[:8].any()
    assert not sample_label(label_map, Label.PANCREAS, ImagePlane(AXIAL, (4.0, 4.0, 4.0), 12.0, 24)).any()


@pytest.mark.parametrize("view", [AXIAL, CORONAL, SAGITTAL])
def test_positions_and_pixels_are_inverse(view):
    plane = ImagePlane(view, (10.0, -20.0, 30.0), 50.0, 25)
    positions = plane.positions()
    for row, column in ((0, 0), (3, 24), (12, 12)):
        assert plane.pixel_of(tuple(positions[row, column])) == pytest.approx((row, column))


def test_bounds_reach_from_face_to_face():
    low, high = world_bounds(Geometry((10, 4, 4), (1.0, 1.0, 3.0), (0.0, 0.0, 0.0)))
    assert low == pytest.approx([-0.5, -0.5, -1.5])
    assert high == pytest.approx([3.5, 3.5, 28.5])


def test_a_whole_plane_is_centered_on_a_short_scan_and_slides_along_a_long_one():
    long_scan = Geometry((100, 10, 10), (1.0, 1.0, 3.0))  # 300 mm high, 10 mm wide, centered at z = 148.5
    near_top = whole_plane(CORONAL, long_scan, (2.0, 7.0, 290.0), 100.0, 50)
    assert near_top.center_lps_mm == pytest.approx((4.5, 7.0, 298.5 - 50.0))
    middle = whole_plane(CORONAL, long_scan, (2.0, 7.0, 148.5), 100.0, 50)
    assert middle.center_lps_mm == pytest.approx((4.5, 7.0, 148.5))
