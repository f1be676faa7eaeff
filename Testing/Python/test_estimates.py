"""Numbers with their n and interval."""

import pytest

from PDACScreeningLib.evaluation.estimates import Estimate, Mean, Proportion


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(128, 136, 0.888, 0.970), (197, 200, 0.957, 0.995), (126, 136, 0.870, 0.960)],  # of the paper's Table 1
)
def test_wilson_intervals_of_the_papers_own_figures(count, total, low, high):
    found = Proportion.of(count, total)
    assert found.value == count / total
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_a_proportion_of_nothing_has_no_value():
    assert Proportion.of(0, 0).text == "-"


def test_mean_sd_and_interval_by_pencil():
    found = Mean.of([0.8, None, 0.6])
    assert (found.mean, found.sd, found.count) == (pytest.approx(0.7), pytest.approx(0.1 * 2**0.5), 2)
    # t of 1 degree of freedom at 97.5 % is 12.706; the standard error is 0.1
    assert (found.low, found.high) == (pytest.approx(0.7 - 1.2706, abs=1e-4), pytest.approx(0.7 + 1.2706, abs=1e-4))
    assert found.text == "70.0 ± 14.1 %"


def test_a_mean_of_nothing_is_nothing_and_of_one_has_no_interval():
    assert Mean.of([None]).text == "-"
    assert Mean.of([0.5]) == Mean(0.5, 0.0, None, None, 1)


def test_an_estimate_tells_its_interval():
    assert Estimate(0.8131, 0.702, 0.9049, 30, 30).text == "0.813 (0.702-0.905)"
    assert Estimate(None, None, None, 0, 3).text == "-"
