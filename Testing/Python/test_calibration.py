"""Bins of the score by pencil."""

import pytest
from readings import reading

from PDACScreeningLib.evaluation.calibration import calibration


def test_bins_count_scans_and_tumors():
    cases = [
        reading("n1", score=0.0),
        reading("n2", voxels=20, score=0.4),
        reading("p1", diameter_mm=9.0, voxels=20, score=0.2),
        reading("p2", diameter_mm=9.0, voxels=90, score=1.0),  # the last bin is closed
        reading("n3", voxels=50, score=0.5),
    ]
    low, high = calibration(cases, "Multi", 2)
    assert (low.low, low.high, high.high) == (0.0, 0.5, 1.0)
    assert (low.with_tumor.count, low.with_tumor.total, low.mean_score) == (1, 3, pytest.approx(0.2))
    assert (high.with_tumor.count, high.with_tumor.total, high.mean_score) == (1, 2, pytest.approx(0.75))


def test_an_empty_bin_has_no_mean_score():
    _, empty = calibration([reading("n", score=0.1)], "Multi", 2)
    assert empty.mean_score is None
    assert empty.with_tumor.value is None
