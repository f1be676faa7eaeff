"""From a cohort to a model that says what it is worth: training by folds, evaluation by a split, publishing."""

import json
import re
from dataclasses import replace

import pytest

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import PAPER_SCALES
from PDACScreeningLib.datasets.split import Split, paper_split, read_split, write_split
from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.store_range import store_range

pytestmark = pytest.mark.slow
TINY = ("--shape", "56", "48", "40", "--spacing", "6.6", "6.6", "6.0")


def run(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A cohort of six in two folds, its store, three networks of each fold, and a model of each fold."""
    folder = tmp_path_factory.mktemp("evaluation")
    cohort = ("--cases", 6, "--pdac-fraction", 0.5, "--seed", 9, *TINY, "--output", folder / "cohort")
    assert run("phantom-cohort", *cohort) == 0
    assert run("prepare", folder / "cohort", "--working-spacing-mm", 6, "--output", folder / "store") == 0
    cases = json.loads((folder / "store" / "store.json").read_text())["cases"]
    patients = {kind: [c["patient_id"] for c in cases if bool(c["tumor_voxels"]) == kind] for kind in (True, False)}
    write_split(paper_split(patients[True], patients[False], folds=2), folder / "split.json")
    for fold in (0, 1):
        for size in (scale.patch_size for scale in PAPER_SCALES):
            train(folder, size, "--split", folder / "split.json", "--fold", fold, "--output", folder / f"run{fold}")
        assert publish(folder, fold, "--output", folder / f"fold{fold}") == 0
    assert evaluate(folder, folder / "evaluation", "--jobs", 2) == 0
    return folder


def train(folder, size, *options):
    short = ("--recipe", "short", "--base-width", 2, "--iterations", 2, "--batch-size", 2, "--device", "cpu")
    assert run("train", folder / "store", "--patch-size", size, *short, *options) == 0


def publish(folder, fold, *options):
    facts = ("--name", f"fold{fold}", "--trained-on", "phantoms", "--notice", "for tests", "--demo")
    return run("publish", folder / f"run{fold}", *facts, *options)


def evaluate(folder, output, *options, models=("fold0", "fold1"), split="split.json"):
    chosen = [word for model in models for word in ("--model", folder / model)]
    split_file = () if split is None else ("--split", folder / split)
    return run("evaluate", folder / "store", *chosen, *split_file, "--device", "cpu", "--output", output, *options)


def test_every_tested_case_is_read_once_by_a_model_that_never_saw_it(work):
    found, split = read_experiment(work / "evaluation" / "experiment.json"), read_split(work / "split.json")
    assert [model.trained_on_others for model in found.setting.models] == [True, True]
    assert {case.case_id for case in found.cases} == {*split.folds[0], *split.folds[1], *split.always_test}
    for case in found.cases:
        assert case.patient_id in split.test_patients(case.fold)
    assert found.counts.with_tumor == 3


def test_what_the_scans_of_a_fold_were_like_is_measured_on_that_fold_alone(work, tmp_path, capsys):
    split = read_split(work / "split.json")
    parts = []
    for fold in (0, 1):
        told = ("--training-store", work / "store", "--split", work / "split.json", "--output", tmp_path / f"{fold}")
        assert publish(work, fold, *told) == 0
        cases = CaseStore(work / "store", split.train_patients(fold))
        parts.append(read_description(tmp_path / f"{fold}").training_range)
        assert parts[-1] == store_range(cases, ignore_progress)
    assert parts[0] != parts[1]
    write_split(replace(split, always_train=()), tmp_path / "other.json")
    for told, code, sentence in (
        (("--training-store", work / "store"), 5, "which --split names"),
        (("--training-store", work / "store", "--split", tmp_path / "other.json"), 5, "or than this split's"),
        (("--split", work / "split.json"), 2, "give both"),
    ):
        capsys.readouterr()
        assert publish(work, 0, *told, "--output", tmp_path / "no") == code
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_everything_a_reader_needs_is_there_and_names_no_folder_of_this_machine(work):
    folder = work / "evaluation"
    assert {path.name for path in folder.iterdir()} >= {"experiment.json", "report.html", "report.md", "table1.md"}
    for name in ("experiment.json", "report.html", "report.md"):
        assert str(work) not in (folder / name).read_text()
    pictures = re.findall(r"\]\((.+?)\)", (folder / "report.md").read_text())
    assert len(pictures) >= 6
    assert all((folder / path).is_file() for path in pictures)


def test_a_second_call_reads_no_scan_again_and_says_the_same(work, monkeypatch, capsys):
    before = (work / "evaluation" / "experiment.json").read_bytes()
    monkeypatch.setattr("PDACScreeningLib.evaluation.reading_pool.make_reading", None)  # would fail if it were called
    assert evaluate(work, work / "evaluation") == 0
    assert (work / "evaluation" / "experiment.json").read_bytes() == before
    assert "## Table 1" in capsys.readouterr().out


def test_an_interrupted_evaluation_reads_what_is_missing_and_ends_with_the_same_readings(work):
    readings = work / "evaluation" / "cases"
    path = sorted(readings.glob("*.json"))[0]
    before = path.read_bytes()
    path.unlink()
    others = {other: other.stat().st_mtime_ns for other in readings.glob("*.json")}
    assert evaluate(work, work / "evaluation", "--threads", 1) == 0
    assert path.read_bytes() == before
    assert {other: other.stat().st_mtime_ns for other in others} == others


def test_readings_of_other_settings_are_not_mixed_in(work, capsys):
    assert evaluate(work, work / "evaluation", "--ablation", "whole-volume") == 5
    assert "made with other weights, cases or settings; choose another --output" in capsys.readouterr().err


def test_models_in_another_order_than_the_folds_are_refused(work, tmp_path, capsys):
    assert evaluate(work, tmp_path, models=("fold1", "fold0")) == 2
    assert "fold1 was given for fold 0 and trained for fold 1" in capsys.readouterr().err


def test_a_split_asks_for_one_model_for_each_fold(work, tmp_path, capsys):
    assert evaluate(work, tmp_path, models=("fold0",)) == 2
    assert "1 models were given, 2 expected" in capsys.readouterr().err
    assert evaluate(work, tmp_path, split=None) == 2
    assert "without --split one model reads all cases" in capsys.readouterr().err


def test_the_missing_extra_is_named_before_anything_is_read(work, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "picai_eval", None)
    assert evaluate(work, tmp_path) == 2
    assert "pip install 'pdac-screening[evaluation]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_model_published_with_its_figures_says_them_wherever_its_score_is_shown(work, tmp_path, capsys):
    assert evaluate(work, tmp_path / "evaluation", models=("fold0",), split=None) == 0
    experiment = tmp_path / "evaluation" / "experiment.json"
    assert publish(work, 0, "--performance-from", experiment, "--output", tmp_path / "model") == 0
    described = json.loads((tmp_path / "model" / "model.json").read_text())
    assert described["measured"]["these_weights"]
    assert described["measured"]["sensitivity"]["total"] == 3
    assert described["performance"].startswith("measured with these weights on 3 scans with and 3 without a tumor")
    assert described["performance"][1:] in (tmp_path / "model" / "MODEL_CARD.md").read_text()

    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    assert publish(work, 1, "--performance-from", experiment, "--output", tmp_path / "model") == 5
    assert "evaluate this model" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before

    scan = next((work / "cohort").glob("phantom-*")) / "ct.nii.gz"
    words = ("--model", tmp_path / "model", "--device", "cpu", "--output", tmp_path / "result")
    assert run("screen", scan, *words) in (0, 3)
    capsys.readouterr()
    screening = json.loads((tmp_path / "result" / "screening.json").read_text())
    assert screening["model"]["performance"] == described["performance"]
    assert "measured with these weights on 3 scans" in (tmp_path / "result" / "report.html").read_text()


def test_a_model_may_be_published_with_the_figures_of_its_cross_validation(work, tmp_path):
    experiment = work / "evaluation" / "experiment.json"
    assert publish(work, 1, "--performance-from", experiment, "--output", tmp_path) == 0
    described = json.loads((tmp_path / "model.json").read_text())
    assert not described["measured"]["these_weights"]
    assert described["performance"].startswith("2-fold cross-validation of its kind")


def test_a_card_that_somebody_wrote_is_kept(work, tmp_path):
    (tmp_path / "MODEL_CARD.md").write_text("mine")
    assert publish(work, 1, "--output", tmp_path) == 0
    assert (tmp_path / "MODEL_CARD.md").read_text() == "mine"


def test_a_card_that_nobody_touched_follows_its_model(work, tmp_path):
    """The way the guide tells: publish, evaluate, publish again with the figures."""
    assert publish(work, 1, "--output", tmp_path) == 0
    assert "What this model is worth is not known" in (tmp_path / "MODEL_CARD.md").read_text()
    experiment = work / "evaluation" / "experiment.json"
    assert publish(work, 1, "--performance-from", experiment, "--output", tmp_path) == 0
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "What this model is worth is not known" not in card
    assert "## Table 1" in card


def test_figures_of_another_kind_of_model_are_not_taken_over(work, tmp_path, capsys):
    plain = json.loads((work / "evaluation" / "experiment.json").read_text())
    plain["setting"]["config_sha256"] = "00" * 32
    (tmp_path / "experiment.json").write_text(json.dumps(plain))
    chosen = ("--performance-from", tmp_path / "experiment.json", "--output", tmp_path / "model")
    assert publish(work, 1, *chosen) == 5
    assert "measured models of another configuration" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_figures_of_other_weights_leave_a_published_model_as_it_is(work, tmp_path, capsys):
    assert evaluate(work, tmp_path / "evaluation", models=("fold0",), split=None) == 0
    assert publish(work, 0, "--output", tmp_path / "model") == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    chosen = ("--performance-from", tmp_path / "evaluation" / "experiment.json", "--output", tmp_path / "model")
    assert publish(work, 1, *chosen) == 5
    assert "evaluate this model" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before


def test_another_split_takes_over_what_the_same_weights_have_read(work, tmp_path, monkeypatch):
    split = read_split(work / "split.json")
    first = Split(folds=((*split.folds[1],),), always_train=(*split.folds[0], *split.always_train))
    write_split(first, work / "second-fold.json")
    assert evaluate(work, tmp_path, models=("fold1",), split="second-fold.json") == 0
    for name in (*split.folds[0], *split.always_test):
        for suffix in ("json", "labels.npz"):
            copied = (work / "evaluation" / "cases" / f"{name}.{suffix}").read_bytes()
            (tmp_path / "cases" / f"{name}.{suffix}").write_bytes(copied)
    monkeypatch.setattr("PDACScreeningLib.evaluation.reading_pool.make_reading", None)
    assert evaluate(work, tmp_path) == 0
    folds = {case.case_id: case.fold for case in read_experiment(tmp_path / "experiment.json").cases}
    assert folds == {case.case_id: case.fold for case in read_experiment(work / "evaluation" / "experiment.json").cases}
