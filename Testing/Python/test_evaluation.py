"""Section 3 by pencil: Dice, Wilson intervals, the rows of Table 1, strata, and a case against its truth."""

import numpy as np
import pytest
from fake_network import ConstantNetwork, DecodingNetwork, coded
from small_store import small_case

from PDACScreeningLib.config import ScaleSpec, ScreeningConfig
from PDACScreeningLib.evaluation import size_strata
from PDACScreeningLib.evaluation.case_result import CaseResult, RowResult, evaluate_case
from PDACScreeningLib.evaluation.dice import dice
from PDACScreeningLib.evaluation.table1 import MeanDice, Proportion, table1, to_markdown


def mask(*on, length=10):
    values = np.zeros((1, 1, length), bool)
    values[..., list(on)] = True
    return values


def test_dice_by_pencil():
    assert dice(mask(0, 1, 2), mask(1, 2, 3, 4)) == 2 * 2 / (3 + 4)


def test_dice_of_nothing_and_nothing_is_undefined():
    assert dice(mask(), mask()) is None


def test_dice_of_something_and_nothing_is_zero():
    assert dice(mask(1), mask()) == 0


def test_dice_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        dice(mask(1), mask(1, length=9))


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


def test_mean_dice_by_pencil():
    assert MeanDice.of([0.8, 0.6]) == MeanDice(pytest.approx(0.7), pytest.approx(0.1 * 2**0.5), 2)
    assert MeanDice.of([]).text == "-"


def case(name, *, true_voxels, diameter, pancreas, tumor, voxels, score):
    row = RowResult(pancreas, tumor, voxels, score)
    return CaseResult(name, true_voxels, diameter, True, {"Multi": row})


CASES = [
    case("p1", true_voxels=900, diameter=30.0, pancreas=0.8, tumor=0.5, voxels=700, score=0.9),
    case("p2", true_voxels=90, diameter=15.0, pancreas=0.6, tumor=0.0, voxels=60, score=0.6),  # a hit, elsewhere
    case("p3", true_voxels=200, diameter=20.0, pancreas=0.7, tumor=0.2, voxels=49, score=0.5),  # found, but below K
    case("n1", true_voxels=0, diameter=None, pancreas=0.9, tumor=None, voxels=0, score=0.0),
    case("n2", true_voxels=0, diameter=None, pancreas=0.7, tumor=0.0, voxels=50, score=0.6),  # exactly K: a false alarm
]


def test_a_row_of_table_1_by_pencil():
    (row,) = table1(CASES, min_tumor_voxels=50)
    assert row.normal_pancreas.mean == pytest.approx(0.8)
    assert row.abnormal_pancreas.mean == pytest.approx(0.7)
    assert row.tumor.mean == pytest.approx(0.7 / 3)
    assert (row.misses, row.tumor.count) == (1, 3)
    assert (row.sensitivity_by_misses.count, row.sensitivity.count, row.specificity.count) == (2, 2, 1)
    # pairs (pdac, normal): .9>0, .9>.6, .6>0, .6=.6 counts half, .5>0, .5<.6
    assert row.auc == pytest.approx(4.5 / 6)


def test_the_markdown_table_has_the_papers_columns():
    text = to_markdown(table1(CASES, min_tumor_voxels=50))
    assert text.startswith("| Scale | N. Pancreas | A. Pancreas | Tumor | Misses |")
    assert "| Multi | 80.0 ± 14.1 % | 70.0 ± 10.0 % | 23.3 ± 25.2 % | 1/3 |" in text


def test_no_cases_give_no_rows():
    assert table1([], min_tumor_voxels=50) == ()
    assert size_strata.size_strata([], min_tumor_voxels=50) == ()


def test_strata_go_by_the_longest_diameter_and_20_mm_belongs_to_the_middle_one():
    strata = {s.size: s.sensitivity for s in size_strata.size_strata(CASES, min_tumor_voxels=50)}
    assert {size: (s.count, s.total) for size, s in strata.items()} == {
        "< 20 mm": (1, 1),
        "20-40 mm": (1, 2),
        ">= 40 mm": (0, 0),
        ">= 20 mm": (1, 2),
    }


CONFIG = ScreeningConfig(scales=(ScaleSpec(16, 8, 1, (1.0,)), ScaleSpec(8, 4, 1, (1.0,))), working_spacing_mm=None)


def test_a_perfect_network_scores_one_in_every_row():
    truth = small_case(0, tumor=True)[1]
    result = evaluate_case("a", coded(truth), truth, {16: DecodingNetwork(), 8: DecodingNetwork()}, CONFIG)
    assert list(result.rows) == ["16^3", "8^3", "Multi"]
    assert all((row.pancreas_dice, row.tumor_dice) == (1.0, 1.0) for row in result.rows.values())
    assert result.true_tumor_voxels == result.rows["Multi"].tumor_voxels
    assert result.true_tumor_diameter_mm == pytest.approx(9, abs=0.5)  # a ball of radius 4 voxels, face to face


def test_an_empty_coarse_scan_is_a_miss_and_is_counted():
    truth = small_case(0, tumor=True)[1]
    blind = ConstantNetwork(0.9, 0.05, 0.05)
    result = evaluate_case("a", coded(truth), truth, {16: blind, 8: DecodingNetwork()}, CONFIG)
    assert not result.coarse_found
    assert all((row.tumor_dice, row.tumor_voxels, row.score) == (0, 0, 0) for row in result.rows.values())
