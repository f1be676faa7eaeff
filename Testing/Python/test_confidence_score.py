"""The score of section 3.3, by pencil."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PDACScreeningLib.config import DecisionRule, ScoreWeights
from PDACScreeningLib.inference.judgment import confidence_score

probabilities = st.floats(1 / 3, 1.0)
counts = st.integers(1, 2_000_000)


def score(tumor_voxels, probability, count_weight=0.5):
    return confidence_score(tumor_voxels, probability, DecisionRule(), ScoreWeights(count_weight))


def test_no_tumor_voxel_scores_zero():
    assert score(0, None) == 0.0


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
