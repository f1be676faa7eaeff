"""The score of section 3.3, by pencil."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from PDACScreeningLib.config import DecisionRule, ScoreWeights
from PDACScreeningLib.inference.coarse_to_fine import tumor_evidence
from PDACScreeningLib.inference.judgment import confidence_score, region_score

probabilities = st.floats(1 / 3, 1.0)
counts = st.integers(1, 2_000_000)


def score(tumor_voxels, probability, count_weight=0.5):
    return region_score(tumor_voxels, probability, DecisionRule(), ScoreWeights(count_weight))


def ranked(tumor_voxels, probability, evidence, count_weight=0.5):
    return confidence_score(tumor_voxels, probability, evidence, DecisionRule(), ScoreWeights(count_weight))


def test_no_tumor_voxel_scores_zero_as_a_region():
    assert score(0, None) == 0.0


def test_from_k_voxels_on_it_is_the_papers_sum_whatever_the_evidence():
    assert ranked(50, 0.8, 0.1) == ranked(50, 0.8, 0.9) == score(50, 0.8)


def test_below_k_it_is_the_evidence_in_the_lowest_quarter():
    assert ranked(0, None, 0.3) == pytest.approx(0.25 * 0.3)
    assert ranked(49, 0.99, 0.3) == pytest.approx(0.25 * 0.3)
    assert ranked(10, 0.9, 0.3, count_weight=0.2) == pytest.approx(0.1 * 0.3)


@given(st.integers(0, 49), st.integers(50, 10**6), st.floats(0, 1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_every_scan_that_is_called_ranks_above_every_one_that_is_not(below, above, evidence, probability, weight):
    quiet = ranked(below, probability if below else None, evidence, weight)
    assert quiet <= ranked(above, probability, 0.0, weight)


def test_the_evidence_is_the_k_th_largest_probability_of_the_gland():
    probabilities = np.linspace(0.01, 1, 100, dtype=np.float32)
    assert tumor_evidence(probabilities, DecisionRule(50)) == pytest.approx(0.51)  # 1.00, 0.99, ..., 0.51
    assert tumor_evidence(probabilities, DecisionRule(1)) == 1.0
    assert tumor_evidence(probabilities[:49], DecisionRule(50)) == 0.0


def test_score_by_pencil():
    assert score(50, 0.8) == pytest.approx(0.5 * 50 / 100 + 0.5 * 0.8)
    assert score(150, 0.6, count_weight=0.25) == pytest.approx(0.25 * 150 / 200 + 0.75 * 0.6)


def test_weights_of_one_and_zero_leave_size_and_probability_alone():
    assert score(950, 0.4, count_weight=1.0) == pytest.approx(950 / 1000)
    assert score(950, 0.4, count_weight=0.0) == pytest.approx(0.4)


@given(counts, counts, probabilities)
def test_larger_tumor_never_scores_lower(one, other, probability):
    small, large = sorted((one, other))
    assert score(small, probability) <= score(large, probability)


@given(counts, probabilities, probabilities)
def test_surer_tumor_never_scores_lower(count, one, other):
    low, high = sorted((one, other))
    assert score(count, low) <= score(count, high)


@given(counts, probabilities, st.floats(0, 1))
def test_score_lies_between_zero_and_one(count, probability, weight):
    assert 0 < score(count, probability, weight) <= 1


@pytest.mark.parametrize(("tumor_voxels", "probability"), [(0, 0.5), (3, None)])
def test_count_and_probability_must_belong_together(tumor_voxels, probability):
    with pytest.raises(ValueError, match="tumor voxels cannot have the mean probability"):
        score(tumor_voxels, probability)
