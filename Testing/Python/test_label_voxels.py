"""Counts in a cube by eight numbers equal counts by looking."""

import numpy as np
import pytest
from small_store import store_case

from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.label_voxels import LabelVoxels
from PDACScreeningLib.training.store_index import write_index
from PDACScreeningLib.volume.label_map import Label


def case_of(folder, labels):
    write_index(folder, 2.0, "test", [store_case(folder, "a", np.zeros(labels.shape, np.int16), labels)])
    return CaseStore(folder).cases[0]


def test_three_voxels_in_a_row_by_pencil(tmp_path):
    labels = np.zeros((4, 4, 9), np.uint8)
    labels[1, 2, 3:6] = Label.PANCREAS
    voxels = LabelVoxels.of(case_of(tmp_path, labels), Label.PANCREAS, 2)
    assert voxels.positions.tolist() == [[1, 2, 3], [1, 2, 4], [1, 2, 5]]
    assert [voxels.count_inside((1, 1, x), 2) for x in range(8)] == [0, 0, 1, 2, 2, 1, 0, 0]
    assert voxels.count_inside((2, 1, 3), 2) == 0  # below the row


@pytest.mark.parametrize("size", [5, 16, 64])
def test_counts_equal_those_of_the_cube_itself_wherever_it_lies(tmp_path, size):
    rng = np.random.default_rng(0)
    labels = np.zeros((70, 44, 61), np.uint8)
    labels[12:60, 7:40, 9:50] = rng.integers(0, 3, (48, 33, 41))
    case = case_of(tmp_path, labels)
    padded = np.pad(labels, size)
    for label in (Label.PANCREAS, Label.TUMOR):
        voxels = LabelVoxels.of(case, label, size)
        for _ in range(100):
            corner = tuple(int(rng.integers(-size, length + 1)) for length in labels.shape)
            cube = padded[tuple(slice(at + size, at + 2 * size) for at in corner)]
            assert voxels.count_inside(corner, size) == np.count_nonzero(cube == label)


def test_a_label_larger_than_its_counter_is_counted_exactly(tmp_path):
    labels = np.ones((44, 44, 44), np.uint8)  # 85,184 voxels, more than 16 bits tell
    voxels = LabelVoxels.of(case_of(tmp_path, labels), Label.PANCREAS, 40)
    assert voxels.sums.dtype == np.uint16
    assert voxels.count_inside((2, 3, 4), 40) == 64_000


def test_a_cube_that_16_bits_cannot_count_gets_32(tmp_path):
    labels = np.ones((44, 44, 44), np.uint8)
    voxels = LabelVoxels.of(case_of(tmp_path, labels), Label.PANCREAS, 44)
    assert voxels.count_inside((0, 0, 0), 44) == 85_184


def test_a_label_that_does_not_occur_counts_nothing(tmp_path):
    labels = np.ones((8, 8, 8), np.uint8)
    voxels = LabelVoxels.of(case_of(tmp_path, labels), Label.TUMOR, 4)
    assert len(voxels.positions) == 0
    assert voxels.count_inside((0, 0, 0), 4) == 0
