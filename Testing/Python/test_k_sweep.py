"""Sensitivity and specificity over K by pencil."""

from readings import reading

from PDACScreeningLib.evaluation.k_sweep import k_sweep

CASES = [
    reading("p1", diameter_mm=30.0, voxels=700, score=0.9),
    reading("p2", diameter_mm=10.0, voxels=49, score=0.4),
    reading("n1", voxels=50, score=0.5),
    reading("n2"),
]


def test_every_k_at_which_a_scan_changes_sides_is_there():
    points = {
        point.min_tumor_voxels: (point.sensitivity.count, point.specificity.count)
        for point in k_sweep(CASES, "Multi", 1500, named=(100,))
    }
    assert points == {1: (2, 1), 50: (1, 1), 51: (1, 2), 100: (1, 2), 701: (0, 2), 1500: (0, 2)}


def test_the_sweep_ends_where_it_is_told():
    assert [point.min_tumor_voxels for point in k_sweep(CASES, "Multi", 60, named=(100,))] == [1, 50, 51, 60]


def test_no_scans_have_proportions_of_nothing():
    assert {point.sensitivity.total for point in k_sweep([], "Multi", 10, named=())} == {0}
