"""Tumors one by one: matching, average precision and FROC by pencil."""

import numpy as np
import pytest
from readings import FEW_SAMPLES, reading

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.evaluation.detection_interval import average_precision
from PDACScreeningLib.evaluation.lesion_detection import FrocPoint, LesionCandidate, candidates, detection

HIT = LesionCandidate(True, 0.9, 0.5)
ALARM = LesionCandidate(False, 0.5, 0.0)
MISS = LesionCandidate(True, 0.0, 0.0)


def block(start, stop, shape=(4, 4, 60)):
    mask = np.zeros(shape, bool)
    mask[..., start:stop] = True
    return mask


def match(found, truth):
    probability = np.full(found.shape, 0.8, np.float32)
    return candidates(found, truth, probability, ScreeningConfig(), min_overlap=0.1)


def test_a_region_on_the_tumor_is_a_hit_with_the_score_of_that_region():
    (hit,) = match(block(5, 15), block(10, 20))
    # 160 voxels found: 0.5 * 160 / 210 + 0.5 * 0.8; 80 voxels of 240 overlap
    assert (hit.is_tumor, hit.confidence) == (True, pytest.approx(0.5 * 160 / 210 + 0.4))
    assert hit.overlap == pytest.approx(1 / 3)


def test_a_region_elsewhere_is_a_false_alarm_and_the_tumor_a_miss():
    found = sorted(match(block(40, 50), block(10, 20)), key=lambda one: one.is_tumor)
    assert [(one.is_tumor, one.confidence > 0, one.overlap) for one in found] == [(False, True, 0), (True, False, 0)]


def test_overlap_below_the_least_is_no_hit():
    # 16 voxels of 16 * 19 overlap: 1 / 19 < 0.1
    assert sorted(one.is_tumor for one in match(block(0, 10), block(9, 19))) == [False, True]


def test_nothing_found_where_nothing_is_gives_nothing():
    assert match(block(0, 0), block(0, 0)) == ()


def test_froc_of_one_hit_and_one_false_alarm():
    found = detection([(HIT,), (ALARM,)])
    assert found.froc == (FrocPoint(0.9, 1.0, 0.0), FrocPoint(0.5, 1.0, 0.5))
    assert (found.tumors, found.scans) == (1, 2)


def test_a_single_hit_counts_though_no_tumor_was_missed():
    assert detection([(HIT,)]).froc == (FrocPoint(0.9, 1.0, 0.0),)


def test_where_no_region_was_found_there_is_no_point():
    assert detection([(MISS,), ()]).froc == ()
    assert detection([(ALARM,)]).froc == ()  # and no tumor to find
    assert detection([]).froc == ()


def scans(*candidates_of_each):
    return [
        reading(f"c{number}", diameter_mm=20.0 if any(one.is_tumor for one in own) else None, candidates=own)
        for number, own in enumerate(candidates_of_each)
    ]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (((HIT,), (ALARM,)), 1.0),
        (((HIT,), (LesionCandidate(False, 0.95, 0.0),)), 0.5),  # recall 1 at precision 1 of 2
        (((HIT,), (MISS,)), 0.5),  # recall 1 of 2 at precision 1, and no more
    ],
)
def test_average_precision_by_pencil(own, expected):
    assert average_precision(scans(*own), FEW_SAMPLES).value == pytest.approx(expected)


def test_average_precision_without_a_tumor_is_none():
    assert average_precision(scans((ALARM,)), FEW_SAMPLES).value is None


def test_its_interval_is_drawn_over_patients():
    found = average_precision(scans((HIT,), (MISS,)), FEW_SAMPLES)
    assert (found.low, found.high) == (0, 1)  # both drawn, or one of them twice
