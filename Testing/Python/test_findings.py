"""Tumor regions measured: balls, rows, bent regions, and the diameters of PANORAMA."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from panorama_labels import panorama_cases
from scipy.spatial import distance

from PDACScreeningLib.inference.findings import find_tumors, longest_diameter_mm
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label


def measured(labels, *, hu=None, probability=None, spacing_mm=(1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0)):
    geometry = Geometry(labels.shape, spacing_mm, origin_mm)
    hu = np.zeros(labels.shape, np.int16) if hu is None else hu
    probability = np.ones(labels.shape, np.float32) if probability is None else probability
    return find_tumors(labels, probability, CTVolume(hu, geometry))


def ball(shape, center, radius):
    z, y, x = np.ogrid[tuple(slice(length) for length in shape)]
    inside = (z - center[0]) ** 2 + (y - center[1]) ** 2 + (x - center[2]) ** 2 <= radius**2
    return np.where(inside, np.uint8(Label.TUMOR), np.uint8(Label.BACKGROUND))


def diameter(voxels, spacing_mm=(1.0, 1.0, 1.0)):
    region = np.zeros(np.max(voxels, axis=0) + 1, bool)
    region[tuple(np.transpose(voxels))] = True
    return longest_diameter_mm(region, Geometry((99, 99, 99), spacing_mm))


def test_no_tumor_gives_no_finding():
    labels = np.full((4, 5, 6), Label.PANCREAS, np.uint8)
    assert measured(labels) == ()


def test_ball_of_known_diameter():
    (finding,) = measured(ball((40, 40, 40), (19.5, 19.5, 19.5), 10.0))
    assert finding.volume_mm3 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.02)
    assert finding.longest_diameter_mm == pytest.approx(20.0, abs=1.0)
    assert finding.centroid_lps_mm == pytest.approx((19.5, 19.5, 19.5))


def test_single_voxel_measures_its_longest_edge():
    assert diameter([(3, 4, 5)], spacing_mm=(0.7, 0.8, 3.0)) == pytest.approx(3.0)


def test_row_of_five_voxels_measures_five_edges():
    assert diameter([(3, 4, x) for x in range(5)], spacing_mm=(0.7, 0.8, 0.6)) == pytest.approx(3.5)


def test_diagonal_of_a_plate_is_the_longest_distance():
    plate = [(0, y, x) for y in range(4) for x in range(3)]  # between the centers of outer faces: 2 x 4 or 3 x 3
    assert diameter(plate) == pytest.approx(np.hypot(2, 4))


def test_a_voxel_with_a_neighbor_below_and_none_above_can_be_the_farthest():
    pillar = [(z, 0, 5) for z in range(5)]  # so that the ends of the line are in no outer plane
    assert diameter([*pillar, (1, 0, 0), (2, 0, 0), (1, 0, 10)]) == pytest.approx(np.hypot(1, 11))
    assert diameter([*pillar, (2, 0, 0), (3, 0, 0), (3, 0, 10)]) == pytest.approx(np.hypot(1, 11))


@given(
    hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)).filter(np.any),
    st.tuples(*[st.floats(0.3, 5.0)] * 3),
)
def test_diameter_equals_the_largest_distance_between_any_two_faces(mask, spacing_mm):
    voxels = np.argwhere(mask)
    steps = np.concatenate([np.eye(3), -np.eye(3)]) / 2
    faces_mm = (voxels[:, None] + steps).reshape(-1, 3) * spacing_mm[::-1]
    expected = distance.pdist(faces_mm).max()
    assert diameter(voxels, spacing_mm) == pytest.approx(expected)


def test_diameter_of_real_tumors_agrees_with_the_manifest():
    for case in panorama_cases():
        tumor = case.label_map.labels == Label.TUMOR
        if tumor.any():
            geometry = case.label_map.geometry
            between_centers_mm = float(case.row["tumour_diam_mm"])  # the manifest stops half a voxel short at both ends
            longer_mm = longest_diameter_mm(tumor, geometry) - between_centers_mm
            assert -0.05 <= longer_mm <= max(geometry.spacing_mm) + 0.05, case.row["id"]


def test_findings_come_largest_first_and_are_numbered_from_one():
    labels = np.zeros((5, 5, 20), np.uint8)
    labels[1, 1, 1:3] = Label.TUMOR  # 2 voxels, first in raster order
    labels[3, 1:4, 5:10] = Label.TUMOR  # 15 voxels
    labels[1, 1, 15:20] = Label.TUMOR  # 5 voxels
    findings = measured(labels)
    assert [(finding.number, finding.voxels) for finding in findings] == [(1, 15), (2, 5), (3, 2)]


def test_regions_that_touch_at_a_corner_are_two_findings():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[1, 1, 1] = labels[2, 2, 2] = Label.TUMOR
    assert len(measured(labels)) == 2


def test_pancreas_between_two_tumor_regions_does_not_join_them():
    labels = np.full((1, 1, 9), Label.PANCREAS, np.uint8)
    labels[..., :3] = labels[..., 6:] = Label.TUMOR
    assert [finding.voxels for finding in measured(labels)] == [3, 3]


def test_places_are_in_lps_mm():
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[1, 2, 3] = Label.TUMOR
    (finding,) = measured(labels, spacing_mm=(2.0, 3.0, 4.0), origin_mm=(-100.0, 50.0, 7.0))
    assert finding.centroid_lps_mm == (-94.0, 56.0, 11.0)  # x: -100 + 3*2, y: 50 + 2*3, z: 7 + 1*4
    assert finding.inside_lps_mm == finding.centroid_lps_mm
    assert finding.volume_mm3 == 24.0


def test_inside_point_of_a_bent_region_lies_on_a_tumor_voxel():
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, :, 0] = labels[0, 8, :] = labels[0, :, 8] = Label.TUMOR  # a U: its centroid (x 4, y 5) is outside
    (finding,) = measured(labels)
    x, y, z = (round(mm) for mm in finding.inside_lps_mm)
    assert labels[0, round(finding.centroid_lps_mm[1]), round(finding.centroid_lps_mm[0])] == Label.BACKGROUND
    assert labels[z, y, x] == Label.TUMOR
    assert (x, y) == (4, 8)  # the bottom of the U, 3 mm below the centroid, is nearer than its sides


def test_means_are_over_the_voxels_of_one_region():
    labels = np.zeros((1, 1, 7), np.uint8)
    labels[..., :3] = labels[..., 5:] = Label.TUMOR
    hu = np.array([[[30, 40, 50, 999, 999, -10, 20]]], np.int16)
    probability = np.array([[[0.5, 0.6, 0.7, 0, 0, 1.0, 0.9]]], np.float32)
    large, small = measured(labels, hu=hu, probability=probability)
    assert (large.mean_hu, small.mean_hu) == (40.0, 5.0)
    assert large.mean_tumor_probability == pytest.approx(0.6)
    assert small.mean_tumor_probability == pytest.approx(0.95)


def test_large_tumor_and_a_hundred_specks_take_less_than_a_second():
    labels = ball((200, 200, 160), (99, 99, 79), 55.0)  # 697,000 voxels, as the largest of PANORAMA
    labels[::40, ::20, ::40][labels[::40, ::20, ::40] == 0] = Label.TUMOR
    started = time.process_time()
    findings = measured(labels)
    assert len(findings) > 100
    assert time.process_time() - started < 5.0  # 0.5 s on a quiet machine


def test_a_volume_that_is_all_tumor_needs_memory_for_region_numbers_but_for_no_list_of_voxels():
    labels = np.full((160, 160, 160), Label.TUMOR, np.uint8)
    probability, hu = np.full(labels.shape, 0.9, np.float32), np.full(labels.shape, 40, np.int16)
    tracemalloc.start()
    (finding,) = measured(labels, hu=hu, probability=probability)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (finding.voxels, finding.mean_hu) == (160**3, 40.0)
    assert finding.longest_diameter_mm == pytest.approx(np.sqrt(159**2 + 159**2 + 160**2))
    assert peak_bytes < 12 * 160**3  # a list of indices alone would be 24 bytes a voxel


@pytest.mark.parametrize(("z_mm", "place"), [(0.5, (4.0, 4.0)), (4.0, (0.0, 20.0))])
def test_the_inside_point_is_the_nearest_in_millimeters_along_z_too(z_mm, place):
    labels = np.zeros((9, 1, 9), np.uint8)
    labels[:, 0, 0] = labels[8, 0, :] = labels[:, 0, 8] = Label.TUMOR  # a U along z: its centroid is (x 4, z 5.3)
    (finding,) = measured(labels, spacing_mm=(1.0, 1.0, z_mm))
    assert (finding.inside_lps_mm[0], finding.inside_lps_mm[2]) == place  # thin slices: the bottom; thick: an arm
