"""Who is trained on and who is tested on."""

import json

import pytest
from small_store import small_store

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.datasets.split import Split, holdout_split, paper_split, read_split, write_split
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.training.case_store import CaseStore

PDAC = [f"pdac-{i}" for i in range(136)]
NORMAL = [f"normal-{i}" for i in range(303)]


def test_the_papers_numbers_come_out_of_the_papers_protocol():
    split = paper_split(PDAC, NORMAL)
    assert [len(fold) for fold in split.folds] == [34] * 4
    for fold in range(4):
        train = split.train_patients(fold)
        assert sum(patient.startswith("pdac") for patient in train) == 102
        assert sum(patient.startswith("normal") for patient in train) == 102  # the paper has 103
        assert sum(patient.startswith("normal") for patient in split.test_patients(fold)) == 201


def test_every_pdac_is_tested_once_and_never_by_a_model_that_saw_it():
    split = paper_split(PDAC[:10], NORMAL[:7], folds=3, seed=5)
    assert sorted(patient for fold in split.folds for patient in fold) == sorted(PDAC[:10])
    for fold in range(3):
        assert not split.train_patients(fold) & split.test_patients(fold)


def test_at_least_half_of_the_normals_are_left_to_test_on():
    split = paper_split(PDAC[:40], NORMAL[:10])
    assert (len(split.always_train), len(split.always_test)) == (5, 5)


def test_a_plain_split_tests_the_same_share_of_both_kinds():
    split = holdout_split(PDAC[:40], NORMAL[:80], test_fraction=0.25, seed=3)
    test = split.test_patients(0)
    assert sum(patient.startswith("pdac") for patient in test) == 10
    assert sum(patient.startswith("normal") for patient in test) == 20
    assert len(split.train_patients(0)) == 90
    assert split == holdout_split(PDAC[39::-1], NORMAL[:80], test_fraction=0.25, seed=3)


def test_a_plain_split_leaves_a_few_patients_of_a_kind_on_both_sides():
    split = holdout_split(PDAC[:2], NORMAL[:1], test_fraction=0.1)
    assert sum(patient.startswith("pdac") for patient in split.always_test) == 1
    assert sum(patient.startswith("pdac") for patient in split.always_train) == 1


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, float("nan")])
def test_a_share_that_leaves_nobody_is_refused(fraction):
    with pytest.raises(ValueError, match="test fraction"):
        holdout_split(PDAC, NORMAL, test_fraction=fraction)


def test_the_order_of_the_patients_does_not_matter_but_the_seed_does():
    assert paper_split(PDAC, NORMAL) == paper_split(PDAC[::-1], NORMAL[::-1])
    assert paper_split(PDAC, NORMAL) != paper_split(PDAC, NORMAL, seed=1)


def test_a_patient_in_two_parts_is_refused():
    with pytest.raises(ValueError, match="patient a stands in two parts"):
        Split(folds=(("a",), ("b",)), always_test=("a",))


@pytest.mark.parametrize("fold", [-1, 4])
def test_a_fold_that_is_not_there_is_refused(fold):
    with pytest.raises(ValueError, match="folds 0 to 3"):
        paper_split(PDAC, NORMAL).test_patients(fold)


def test_more_folds_than_patients_are_refused():
    with pytest.raises(ValueError, match="3 PDAC patients cannot fill 4 folds"):
        paper_split(PDAC[:3], NORMAL)


def test_a_split_file_comes_back_as_written(tmp_path):
    split = paper_split(PDAC, NORMAL)
    assert read_split(write_split(split, tmp_path / "split.json")) == split


@pytest.mark.parametrize("text", ["", "[]", '{"folds": [["a"], ["a"]]}', '{"folds": [["a"]], "format_version": 9}'])
def test_a_file_that_is_no_split_is_refused_by_name(tmp_path, text):
    path = tmp_path / "my-split.json"
    path.write_text(text)
    with pytest.raises(DataError, match="my-split.json"):
        read_split(path)


def test_a_store_opens_the_patients_of_a_split_only(tmp_path):
    whole = small_store(tmp_path)
    part = CaseStore(tmp_path, frozenset({"case-1", "case-2"}))
    assert [case.facts.case_id for case in part.cases] == ["case-1", "case-2"]
    assert part.sha256 != whole.sha256


def test_a_split_of_other_data_is_refused(tmp_path):
    small_store(tmp_path)
    with pytest.raises(DataError, match="no case of 1 patients of the split, such as stranger"):
        CaseStore(tmp_path, frozenset({"case-1", "stranger"}))


def test_training_on_a_fold_takes_its_cases_and_no_others(tmp_path, capsys):
    small_store(tmp_path / "store")
    split = Split(folds=(("case-0",), ("case-2",)), always_train=("case-1",), always_test=("case-3",))
    path = write_split(split, tmp_path / "split.json")
    short = ("--recipe", "short", "--base-width", "2", "--iterations", "1", "--device", "cpu", "--batch-size", "2")
    command = ["train", str(tmp_path / "store"), "--patch-size", "16", "--output", str(tmp_path / "run"), *short]
    assert main([*command, "--split", str(path), "--fold", "1"]) == 0
    assert main([*command, "--split", str(path), "--fold", "0"]) == 5, "another fold is another training"
    assert "other settings or data" in capsys.readouterr().err
    assert main([*command, "--split", str(path), "--fold", "2"]) == 2
    assert "folds 0 to 1" in capsys.readouterr().err


def test_a_phantom_cohort_comes_with_its_split(tmp_path):
    grid = ("--shape", "56", "48", "40", "--spacing", "6.6", "6.6", "6.0")
    command = ["phantom-cohort", "--cases", "4", "--seed", "9", *grid, "--folds", "2", "--output", str(tmp_path)]
    assert main(command) == 0
    split, listed = read_split(tmp_path / "split.json"), json.loads((tmp_path / "cohort.json").read_text())
    pdac = {case["id"] for case in listed["cases"] if case["has_tumor"]}
    assert {patient for fold in split.folds for patient in fold} == pdac
    assert len(split.always_train) == len(split.always_test) == 1


@pytest.mark.parametrize("seed", range(12))
def test_every_part_gets_its_share_of_each_data_set(seed):
    places = {patient: "one" if index % 4 else "other" for index, patient in enumerate([*PDAC[:40], *NORMAL[:80]])}

    def of_other(patients):
        return sum(places[patient] == "other" for patient in patients)

    split = paper_split(PDAC[:40], NORMAL[:80], places=places, seed=seed)
    assert [of_other(fold) for fold in split.folds] == pytest.approx([2.5] * 4, abs=1)
    assert of_other(split.always_train) == pytest.approx(len(split.always_train) / 4, abs=1)
    assert of_other(split.always_test) == pytest.approx(len(split.always_test) / 4, abs=1)
    held = holdout_split(PDAC[:40], NORMAL[:80], test_fraction=0.2, places=places, seed=seed)
    assert of_other(held.always_test) == pytest.approx(24 / 4, abs=1)


def test_patients_of_one_data_set_are_split_as_before_there_were_places():
    alone = dict.fromkeys([*PDAC, *NORMAL], "msd")
    assert paper_split(PDAC, NORMAL, places=alone) == paper_split(PDAC, NORMAL)
