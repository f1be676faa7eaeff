"""The ROC curve of four scans by pencil, its area over patients, and thresholds."""

from readings import FEW_SAMPLES, reading

from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap
from PDACScreeningLib.evaluation.roc import area, operating_points, roc_curves

FOUR = [
    reading("p1", diameter_mm=30.0, voxels=90, score=0.9),
    reading("n1", voxels=60, score=0.6),
    reading("p2", diameter_mm=15.0, voxels=40, score=0.5),
    reading("n2", score=0.0),
]


def test_the_curve_of_four_scans():
    (curve,) = roc_curves(FOUR, "Multi", FEW_SAMPLES)
    assert [(point.threshold, point.sensitivity, point.specificity) for point in curve.points] == [
        (None, 0, 1),
        (0.9, 0.5, 1),
        (0.6, 0.5, 0.5),
        (0.5, 1, 0.5),
        (0.0, 1, 0),
    ]
    # pairs (with, without): .9 > .6, .9 > 0, .5 < .6, .5 > 0
    assert curve.auc.value == 3 / 4
    assert (curve.auc.with_tumor, curve.auc.without_tumor) == (2, 2)


def test_ties_count_half():
    tied = [reading("p", diameter_mm=30.0, voxels=60, score=0.6), reading("n", voxels=60, score=0.6)]
    assert area(tied, "Multi", FEW_SAMPLES).value == 0.5


def test_scans_of_one_kind_have_no_area_and_no_thresholds():
    normal = [reading("n1"), reading("n2")]
    assert area(normal, "Multi", FEW_SAMPLES).value is None
    assert roc_curves(normal, "Multi", FEW_SAMPLES)[0].points == ()
    assert operating_points(normal, "Multi", [0.9], [0.9]) == ()


def test_each_fold_has_its_own_curve_after_the_pooled_one():
    cases = [
        reading("p1", diameter_mm=30.0, voxels=90, score=0.9, fold=0),
        reading("n1", score=0.0, fold=0),
        reading("p2", diameter_mm=15.0, score=0.0, fold=1),
        reading("n2", voxels=70, score=0.7, fold=1),
    ]
    pooled, first, second = roc_curves(cases, "Multi", FEW_SAMPLES)
    assert (pooled.fold, first.fold, second.fold) == (None, 0, 1)
    # pooled pairs: .9 > 0, .9 > .7, 0 = 0 counts half, 0 < .7
    assert (pooled.auc.value, first.auc.value, second.auc.value) == (2.5 / 4, 1, 0)


def test_a_wanted_sensitivity_takes_the_most_specific_threshold_and_the_reverse():
    sensitive, specific = operating_points(FOUR, "Multi", [0.9], [0.9])
    assert (sensitive.wanted, sensitive.threshold) == ("sensitivity", 0.5)
    assert (sensitive.sensitivity.count, sensitive.specificity.count) == (2, 1)
    assert (specific.wanted, specific.threshold) == ("specificity", 0.9)
    assert (specific.sensitivity.count, specific.specificity.count) == (1, 2)


def test_a_specificity_that_only_calling_nobody_reaches():
    cases = [reading("p", diameter_mm=30.0, voxels=60, score=0.6), reading("n", voxels=70, score=0.7)]
    (point,) = operating_points(cases, "Multi", [], [0.9])
    assert point.threshold is None
    assert (point.sensitivity.count, point.specificity.count) == (0, 1)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    cases = [
        reading(f"{kind}{number}", diameter_mm=diameter, voxels=9, score=(number * 7 % 10) / 10 + shift)
        for kind, diameter, shift in (("p", 30.0, 0.05), ("n", None, 0.0))
        for number in range(10)
    ]
    first = area(cases, "Multi", PatientBootstrap(300, seed=1))
    assert first == area(cases, "Multi", PatientBootstrap(300, seed=1))
    assert first != area(cases, "Multi", PatientBootstrap(300, seed=2))
    assert first.low < first.value < first.high


def test_readings_of_one_patient_are_drawn_together_and_kinds_apart():
    cases = [
        reading("a-fold-0", patient="a"),
        reading("a-fold-1", patient="a"),
        reading("b", patient="b"),
        reading("p", diameter_mm=9.0),
    ]
    drawn = FEW_SAMPLES.multiplicities(cases)
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 0] + drawn[:, 2] == 2).all()  # two patients without a tumor in each sample
    assert (drawn[:, 3] == 1).all()
    assert set(drawn[:, 0]) == {0, 1, 2}
