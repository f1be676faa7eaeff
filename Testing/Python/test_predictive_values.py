"""Bayes by pencil."""

import pytest

from PDACScreeningLib.evaluation.estimates import Proportion
from PDACScreeningLib.evaluation.predictive_values import npv, ppv, predictive_values


def test_the_papers_figures_at_one_in_a_thousand():
    # 0.001 * 0.941 / (0.001 * 0.941 + 0.999 * 0.015) = 0.000941 / 0.015926
    assert ppv(0.941, 0.985, 0.001) == pytest.approx(0.0591, abs=5e-5)
    # 0.999 * 0.985 / (0.999 * 0.985 + 0.001 * 0.059) = 0.984015 / 0.984074
    assert npv(0.941, 0.985, 0.001) == pytest.approx(0.99994, abs=5e-6)


def test_where_nothing_is_called_a_call_is_worth_nothing_known():
    assert ppv(0.0, 1.0, 0.1) is None
    assert npv(1.0, 0.0, 0.1) is None


def test_the_range_takes_both_ends_together():
    half, most = Proportion(5, 10, 0.5, 0.25, 0.75), Proportion(9, 10, 0.9, 0.8, 1.0)
    (found,) = predictive_values(half, most, [0.5])
    assert found.ppv.value == pytest.approx(0.5 / 0.6)
    assert (found.ppv.low, found.ppv.high) == (pytest.approx(0.25 / 0.45), pytest.approx(1.0))
    assert found.npv.value == pytest.approx(0.9 / 1.4)


def test_without_scans_of_both_kinds_there_are_none():
    assert predictive_values(Proportion.of(0, 0), Proportion.of(1, 2), [0.1]) == ()
