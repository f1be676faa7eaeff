"""Who reads whom: a model never reads what it was trained on."""

from small_store import small_case

from PDACScreeningLib.datasets.split import Split
from PDACScreeningLib.evaluation.assignment import by_split, patients_tested, without_split
from PDACScreeningLib.training.store_index import StoredCase

SPLIT = Split(folds=(("p0", "p1"), ("p2",)), always_train=("t",), always_test=("n0", "n1", "n2"))


def stored(case_id, patient_id=None):
    truth = small_case(0, tumor=False)[1]
    return StoredCase(case_id, patient_id or case_id, truth.shape, (1.0, 1.0, 1.0), 1, 0, (0, 0, 0), (1, 1, 1), "")


CASES = [stored(name) for name in ("n0", "n1", "n2", "p0", "p1", "p2", "t", "unknown")]


def folds(assignments):
    return [(one.case_id, one.fold) for one in assignments]


def test_patients_of_a_fold_are_read_by_it_and_normals_in_rotation():
    found = by_split(CASES, SPLIT, "rotation")
    assert folds(found) == [("n0", 0), ("n1", 1), ("n2", 0), ("p0", 0), ("p1", 0), ("p2", 1)]
    assert [one.name for one in found] == ["n0", "n1", "n2", "p0", "p1", "p2"]


def test_normals_may_be_read_by_every_fold_under_names_of_their_own():
    found = by_split(CASES, SPLIT, "every-fold")
    assert folds(found)[:4] == [("n0", 0), ("n0", 1), ("n1", 0), ("n1", 1)]
    assert [one.name for one in found][:2] == ["n0.fold-0", "n0.fold-1"]


def test_no_model_reads_a_patient_it_was_trained_on():
    for normals in ("rotation", "every-fold"):
        for one in by_split(CASES, SPLIT, normals):
            assert one.patient_id not in SPLIT.train_patients(one.fold)


def test_scans_of_one_patient_are_read_by_one_model():
    cases = [stored("n1-a", "n1"), stored("n1-b", "n1")]
    assert folds(by_split(cases, SPLIT, "rotation")) == [("n1-a", 1), ("n1-b", 1)]


def test_a_plain_train_and_test_split_has_one_model():
    plain = Split(folds=((),), always_train=("t",), always_test=("n0", "n1"))
    assert folds(by_split(CASES, plain, "rotation")) == [("n0", 0), ("n1", 0)]


def test_without_a_split_everything_is_read_by_the_one_model():
    assert {(one.fold, one.model) for one in without_split(CASES)} == {(None, 0)}
    assert len(without_split(CASES)) == len(CASES)


def test_everybody_tested_somewhere_is_asked_for():
    assert patients_tested(SPLIT) == {"p0", "p1", "p2", "n0", "n1", "n2"}
