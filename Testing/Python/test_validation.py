"""Validation: on patients set aside by patient, on the same patches every time, and the best state is kept."""

from dataclasses import replace

import pytest
import torch
from small_store import small_store
from training_lives import tiny_run

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import ValidationSpec
from PDACScreeningLib.datasets.split import Split
from PDACScreeningLib.errors import Cancelled, DataError
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.store_index import StoredCase
from PDACScreeningLib.training.trainer import train
from PDACScreeningLib.training.validation import mean_dice_of, split_store, validation_patients


def case_of(patient, number=0, *, tumor):
    return StoredCase(
        f"{patient}-{number}", patient, (8, 8, 8), (1.0, 1.0, 1.0), 100, 10 if tumor else 0, (0, 0, 0), (8, 8, 8), "x"
    )


def cases(with_tumor, without):
    return [
        *(case_of(f"tumor{index:02}", tumor=True) for index in range(with_tumor)),
        *(case_of(f"normal{index:02}", tumor=False) for index in range(without)),
    ]


def test_the_share_is_taken_from_patients_with_and_without_a_tumor_alike():
    apart = validation_patients(cases(30, 50), 0.1, seed=0)
    assert sum(patient.startswith("tumor") for patient in apart) == 3
    assert sum(patient.startswith("normal") for patient in apart) == 5


def test_at_least_one_of_each_kind_is_taken_and_never_the_last():
    assert len(validation_patients(cases(2, 2), 0.01, seed=0)) == 2
    assert len(validation_patients(cases(2, 2), 0.99, seed=0)) == 2
    assert validation_patients(cases(1, 2), 0.5, seed=0) < {"normal00", "normal01"}


def test_too_few_patients_to_set_one_aside_are_refused():
    with pytest.raises(DataError, match="at least two patients"):
        validation_patients(cases(1, 1), 0.1, seed=0)


def test_the_choice_depends_on_the_seed_and_on_nothing_else():
    some = cases(20, 20)
    assert validation_patients(some, 0.2, seed=0) == validation_patients(some[::-1], 0.2, seed=0)
    assert validation_patients(some, 0.2, seed=0) != validation_patients(some, 0.2, seed=1)


def test_a_patient_with_several_cases_counts_as_one():
    studies = [case_of(f"patient{index % 2}", index, tumor=True) for index in range(10)]
    assert len(validation_patients(studies, 0.5, seed=0)) == 1


def test_no_patient_of_the_test_fold_is_ever_validated_on(tmp_path):
    small_store(tmp_path, cases=8)
    split = Split(folds=(("case-0", "case-1"), ("case-2", "case-3")), always_train=("case-4", "case-5", "case-6"))
    for fold in (0, 1):
        permitted = CaseStore(tmp_path, split.train_patients(fold))
        learned, apart = split_store(permitted, ValidationSpec(every=1, patient_share=0.5), seed=3)
        sides = [{case.facts.patient_id for case in side.cases} for side in (learned, apart)]
        assert sides[0] & sides[1] == set()
        assert sides[0] | sides[1] == split.train_patients(fold)
        assert not sides[1] & split.test_patients(fold)


def test_without_validation_every_patient_is_learned_from(tmp_path):
    store = small_store(tmp_path)
    assert split_store(store, ValidationSpec(), seed=0) == (store, None)


def test_mean_dice_by_pencil():
    assert mean_dice_of(torch.tensor([[30, 80], [0, 10]])) == pytest.approx((60 / 80 + 0) / 2)
    assert mean_dice_of(torch.tensor([[30, 80], [0, 0]])) == pytest.approx(60 / 80)
    assert mean_dice_of(torch.tensor([[0, 0], [0, 0]])) == 0.0


def validated_run(folder, **changes):
    run = tiny_run(folder, iterations=6, checkpoint_every=2, validation=ValidationSpec(every=2, batches=2))
    return replace(run, config=replace(run.config, **changes))


def test_the_best_validation_is_kept_and_is_what_is_published(tmp_path):
    store = small_store(tmp_path / "store")
    states = {}

    def remember(progress):
        states[progress.done] = CheckpointFolder(tmp_path / "run").newest()

    last = train(validated_run(tmp_path / "run"), store, remember)
    best = CheckpointFolder(tmp_path / "run").for_use()
    assert best.iteration == best.best.iteration == last.best.iteration
    assert best.best.mean_dice == last.best.mean_dice
    at_best = states[best.iteration].network_state
    assert all(torch.equal(at_best[name], best.network_state[name]) for name in at_best)


def test_validation_changes_nothing_but_who_is_learned_from(tmp_path):
    store = small_store(tmp_path / "store")
    watched = train(validated_run(tmp_path / "with"), store)
    learned, _ = split_store(store, ValidationSpec(every=2), seed=0)
    alone = train(validated_run(tmp_path / "without", validation=ValidationSpec()), learned)
    assert all(torch.equal(watched.network_state[name], alone.network_state[name]) for name in watched.network_state)


def test_the_record_of_a_training_names_all_cases_that_it_was_permitted(tmp_path):
    store = small_store(tmp_path / "store")
    assert train(validated_run(tmp_path / "run"), store).provenance["store_sha256"] == store.sha256


def test_a_resumed_training_finds_the_same_best(tmp_path):
    store = small_store(tmp_path / "store")
    calm = train(validated_run(tmp_path / "calm"), store)

    def stop_in_between(progress):
        if progress.done == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(validated_run(tmp_path / "run"), store, stop_in_between)
    assert train(validated_run(tmp_path / "run"), store).best == calm.best


def test_the_command_validates_and_keeps_the_best(tmp_path, capsys):
    small_store(tmp_path / "store")
    short = ("--patch-size", "16", "--recipe", "short", "--base-width", "1", "--iterations", "2", "--batch-size", "2")
    command = ["train", str(tmp_path / "store"), *short, "--device", "cpu", "--output", str(tmp_path / "run")]
    assert main([*command, "--validation-every", "1", "--validation-share", "0.5"]) == 0
    assert len(list((tmp_path / "run" / "16").glob("best-*.pt"))) == 1
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--validation-share", "1.5"])
    assert "between 0 and 1" in capsys.readouterr().err
