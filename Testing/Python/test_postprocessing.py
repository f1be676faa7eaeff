"""The component filter: drawn cases, its symmetries, and the real label maps of PANORAMA."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from panorama_labels import panorama_cases
from scipy import ndimage

from PDACScreeningLib.inference.postprocessing import SIX_NEIGHBORS, keep_large_components
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.label_map import Label

SYMMETRIES = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]
label_maps = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7), elements=st.sampled_from([0, 0, 0, 1, 2])
)


def kept(labels, min_fraction=0.2):
    return keep_large_components(labels, min_fraction=min_fraction)


def turned(array, symmetry):
    order, signs = symmetry
    return array.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]


def test_component_of_exactly_one_fifth_is_removed():
    labels = np.zeros((1, 1, 20), np.uint8)
    labels[..., :10] = Label.PANCREAS
    labels[..., 15:17] = Label.TUMOR  # 2 of 10 voxels: not larger than 20 %
    assert kept(labels).tolist() == [[[1] * 10 + [0] * 10]]


def test_component_of_just_more_than_one_fifth_stays():
    labels = np.zeros((1, 1, 20), np.uint8)
    labels[..., :10] = Label.PANCREAS
    labels[..., 15:18] = Label.TUMOR  # 3 of 10 voxels
    assert np.array_equal(kept(labels), labels)


def test_small_tumor_attached_to_the_pancreas_survives_with_it():
    labels = np.zeros((1, 1, 20), np.uint8)
    labels[..., :10] = Label.PANCREAS
    labels[..., 10] = Label.TUMOR  # one voxel, but in the pancreas' component
    assert np.array_equal(kept(labels), labels)


def test_tumor_alone_may_be_the_largest_component():
    labels = np.zeros((1, 1, 30), np.uint8)
    labels[..., :15] = Label.TUMOR
    labels[..., 20:23] = Label.PANCREAS  # 3 of 15: exactly one fifth
    assert kept(labels).tolist() == [[[2] * 15 + [0] * 15]]


@pytest.mark.parametrize("touching", [(1, 1, 0), (1, 1, 1)])
def test_voxels_that_touch_at_an_edge_or_a_corner_are_not_adjacent(touching):
    labels = np.zeros((8, 8, 12), np.uint8)
    labels[1, 1, 1:11] = Label.PANCREAS
    z, y, x = 1 + touching[0], 1 + touching[1], 10 + touching[2]
    labels[z, y, x] = Label.TUMOR
    assert kept(labels)[z, y, x] == Label.BACKGROUND


def test_far_false_positive_goes_and_a_gland_split_in_two_stays():
    labels = np.zeros((10, 10, 40), np.uint8)
    labels[2:6, 2:6, 2:12] = Label.PANCREAS  # 160 voxels
    labels[2:6, 2:6, 14:19] = Label.PANCREAS  # 80 voxels, half of it
    labels[7:9, 7:9, 32:36] = Label.TUMOR  # 16 voxels, a tenth
    expected = labels.copy()
    expected[..., 30:] = 0
    assert np.array_equal(kept(labels), expected)


def test_all_background_comes_back_unchanged():
    labels = np.zeros((3, 4, 5), np.uint8)
    assert np.array_equal(kept(labels), labels)


def test_fraction_of_zero_keeps_everything():
    labels = np.zeros((1, 1, 20), np.uint8)
    labels[..., [0, 5, 6, 7, 19]] = Label.TUMOR
    assert np.array_equal(kept(labels, min_fraction=0.0), labels)


@given(label_maps)
def test_filter_only_removes_and_leaves_its_input_alone(labels):
    before = labels.copy()
    result = kept(labels)
    assert np.array_equal(labels, before)
    assert result.dtype == np.uint8
    assert np.array_equal(result, np.where(result > 0, labels, 0))


@given(label_maps)
def test_filtering_twice_changes_nothing_more(labels):
    assert np.array_equal(kept(kept(labels)), kept(labels))


@given(label_maps, st.sampled_from(SYMMETRIES))
def test_filter_does_not_know_left_from_right(labels, symmetry):
    assert np.array_equal(kept(turned(labels, symmetry)), turned(kept(labels), symmetry))


@given(label_maps)
def test_exactly_the_components_larger_than_a_fifth_remain(labels):
    component, count = ndimage.label(labels > 0, structure=SIX_NEIGHBORS)
    sizes = [int((component == number).sum()) for number in range(1, count + 1)]
    expected = sum(size for size in sizes if 5 * size > max(sizes))
    assert np.count_nonzero(kept(labels)) == expected


def test_real_label_maps_lose_only_what_the_manifest_says():
    for case in panorama_cases():
        result = kept(case.label_map.labels)
        components = ndimage.label(result > 0, structure=SIX_NEIGHBORS)[1]
        assert components == int(case.row["cc_kept_gt20pct"]), case.row["id"]
        assert np.count_nonzero(result == Label.TUMOR) == int(case.row["tumour_vox_after_20pct_rule"]), case.row["id"]


def test_padded_box_of_real_label_maps_is_the_roi_of_the_manifest():
    for case in panorama_cases():
        roi = bounding_box(case.label_map.labels > 0).padded(32, case.label_map.geometry.shape)
        assert "x".join(map(str, roi.shape)) == case.row["roi32_zyx"], case.row["id"]
