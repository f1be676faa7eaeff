"""Section 3 by pencil: Dice, the rows of Table 1, strata, and a case against its truth."""

from dataclasses import replace

import numpy as np
import pytest
from fake_network import ConstantNetwork, DecodingNetwork, coded
from readings import FEW_SAMPLES, reading
from small_store import small_case

from PDACScreeningLib.config import ScaleSpec, ScreeningConfig
from PDACScreeningLib.evaluation.case_result import Agreement, dice, read_case
from PDACScreeningLib.evaluation.settings import ReadingSettings
from PDACScreeningLib.evaluation.size_strata import size_strata
from PDACScreeningLib.evaluation.table1 import COLUMNS, table1
from PDACScreeningLib.inference.engine import CoarseToFine


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


CASES = [
    reading("p1", diameter_mm=30.0, pancreas=0.8, tumor=0.5, voxels=700, score=0.9),
    reading("p2", diameter_mm=15.0, pancreas=0.6, tumor=0.0, voxels=60, score=0.6),  # a hit, elsewhere
    reading("p3", diameter_mm=20.0, pancreas=0.7, tumor=0.2, voxels=49, score=0.5),  # found, but below K
    reading("n1", pancreas=0.9),
    reading("n2", pancreas=0.7, tumor=0.0, voxels=50, score=0.6),  # exactly K: a false alarm
]


def test_a_row_of_table_1_by_pencil():
    (row,) = table1(CASES, ["Multi"], 50, FEW_SAMPLES)
    assert row.normal_pancreas.mean == pytest.approx(0.8)
    assert row.abnormal_pancreas.mean == pytest.approx(0.7)
    assert row.tumor.mean == pytest.approx(0.7 / 3)
    assert (row.misses, row.tumor.count) == (1, 3)
    assert (row.sensitivity_by_misses.count, row.sensitivity.count, row.specificity.count) == (2, 2, 1)
    # pairs (pdac, normal): .9>0, .9>.6, .6>0, .6=.6 counts half, .5>0, .5<.6
    assert row.auc.value == pytest.approx(4.5 / 6)


def test_the_cells_stand_in_the_papers_columns():
    (row,) = table1(CASES, ["Multi"], 50, FEW_SAMPLES)
    assert COLUMNS[:5] == ("Scale", "N. Pancreas", "A. Pancreas", "Tumor", "Misses")
    assert row.cells[:5] == ("Multi", "80.0 ± 14.1 %", "70.0 ± 10.0 %", "23.3 ± 25.2 %", "1/3")


def test_no_cases_give_no_rows():
    assert table1([], ["Multi"], 50, FEW_SAMPLES) == ()
    assert size_strata([], ["Multi"], 50) == ()


def test_strata_go_by_the_longest_diameter_and_20_mm_belongs_to_the_middle_one():
    strata = {s.size: s.sensitivity for s in size_strata(CASES, ["Multi"], 50)}
    assert {size: (s.count, s.total) for size, s in strata.items()} == {
        "< 20 mm": (1, 1),
        "20-40 mm": (1, 2),
        ">= 40 mm": (0, 0),
        ">= 20 mm": (1, 2),
    }


CONFIG = ScreeningConfig(scales=(ScaleSpec(16, 8, 1, (1.0,)), ScaleSpec(8, 4, 1, (1.0,))), working_spacing_mm=None)


def read(truth, networks, settings=None):
    return read_case("a", coded(truth), truth, CoarseToFine(networks, CONFIG), settings or ReadingSettings())


def test_a_perfect_network_scores_one_in_every_row():
    truth = small_case(0, tumor=True)[1]
    found = read(truth, {16: DecodingNetwork(), 8: DecodingNetwork()})
    result = found.result
    assert list(result.rows) == ["16^3", "8^3", "Multi", "Multi, no component filter"]
    for row in result.rows.values():
        assert (row.pancreas, row.tumor) == (Agreement(1.0, 1.0, 0.0), Agreement(1.0, 1.0, 0.0))
    assert result.true_tumor_voxels == result.rows["Multi"].tumor_voxels
    assert result.true_tumor_diameter_mm == pytest.approx(9, abs=0.5)  # a ball of radius 4 voxels, face to face
    assert [(one.is_tumor, one.overlap) for one in result.candidates] == [(True, pytest.approx(1))]
    assert np.array_equal(found.labels, truth)


def test_an_empty_coarse_scan_is_a_miss_and_is_counted():
    truth = small_case(0, tumor=True)[1]
    result = read(truth, {16: ConstantNetwork(0.9, 0.05, 0.05), 8: DecodingNetwork()}).result
    assert not result.coarse_found
    for row in result.rows.values():
        assert (row.tumor, row.tumor_voxels, row.score) == (Agreement(0.0, None, None), 0, 0)
    assert [(one.is_tumor, one.confidence) for one in result.candidates] == [(True, 0)]


def test_without_the_component_filter_a_speck_counts():
    truth = small_case(0, tumor=False)[1]
    seen = truth.copy()
    seen[1:3, 1:3, 1:3] = 2
    ct = coded(seen)
    networks = {16: DecodingNetwork(), 8: DecodingNetwork()}
    result = read_case("a", ct, truth, CoarseToFine(networks, CONFIG), ReadingSettings()).result
    assert result.rows["Multi"].tumor_voxels == 0
    assert result.rows["Multi, no component filter"].tumor_voxels == 8
    assert result.candidates == ()


def test_the_fast_protocol_is_a_setting_of_the_reading():
    truth = small_case(0, tumor=True)[1]
    networks = {16: DecodingNetwork(), 8: DecodingNetwork()}
    exact, fast = (read(truth, networks, ReadingSettings(protocol=name)) for name in ("exact", "fast"))
    assert np.array_equal(exact.labels, fast.labels)
    seen = sum(window.size for network in networks.values() for window in network.windows)
    for network in networks.values():
        network.windows.clear()
    read(truth, networks, ReadingSettings(protocol="fast"))
    assert sum(window.size for network in networks.values() for window in network.windows) < seen / 2


def test_the_rows_beside_the_models_own_are_read_in_full_precision_too():
    truth = small_case(0, tumor=True)[1]
    rounded = {16: ConstantNetwork(0.9, 0.05, 0.05), 8: DecodingNetwork()}  # too few bits to see a pancreas

    def rows(**changed):
        engine = CoarseToFine(
            rounded, replace(CONFIG, **changed), lambda: {16: DecodingNetwork(), 8: DecodingNetwork()}
        )
        return read_case("a", coded(truth), truth, engine, ReadingSettings(whole_volume=True)).result.rows

    alone = rows()
    assert alone["Multi"].tumor.dice == alone["Multi, whole volume"].tumor.dice == 1
    assert rows(combination="log_mean")["Multi, the paper's mean"] == alone["Multi"]


def test_the_whole_volume_is_another_row_for_the_fine_networks():
    truth = small_case(0, tumor=True)[1]
    networks = {16: DecodingNetwork(), 8: DecodingNetwork()}
    result = read(truth, networks, ReadingSettings(whole_volume=True)).result
    assert list(result.rows)[-2:] == ["8^3, whole volume", "Multi, whole volume"]
    assert result.rows["Multi, whole volume"].tumor.dice == 1
