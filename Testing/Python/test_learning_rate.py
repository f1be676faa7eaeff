"""Polynomial decay with the power 0.9."""

import pytest

from PDACScreeningLib.config import OptimizerSpec
from PDACScreeningLib.training.trainer import learning_rate


def test_starts_at_the_base_rate():
    assert learning_rate(0, 80_000, OptimizerSpec()) == 0.01


def test_halfway_is_a_half_to_the_power_of_0_9():
    assert learning_rate(40_000, 80_000, OptimizerSpec()) == pytest.approx(0.01 * 0.5**0.9)


def test_falls_at_every_iteration_and_stays_positive():
    rates = [learning_rate(t, 100, OptimizerSpec()) for t in range(100)]
    assert all(later < earlier for earlier, later in zip(rates, rates[1:], strict=False))
    assert rates[-1] > 0


def test_warm_up_rises_linearly():
    spec = OptimizerSpec(warmup_iterations=3, power=1e-9)  # no decay worth naming
    rates = [learning_rate(t, 100, spec) for t in range(5)]
    assert rates == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01], rel=1e-6)


@pytest.mark.parametrize("iteration", [-1, 100])
def test_outside_the_schedule_is_refused(iteration):
    with pytest.raises(ValueError, match=r"0\.\.99"):
        learning_rate(iteration, 100, OptimizerSpec())
