"""From nothing to a measured model by the commands of the training guide, on phantoms of a few thousand voxels."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import PAPER_SCALES
from PDACScreeningLib.network.model_directory import load_model


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A cohort of two, its store, and a run of the three networks."""
    folder = tmp_path_factory.mktemp("training")
    grid = ("--shape", "56", "48", "40", "--spacing", "6.6", "6.6", "6.0")
    assert main(["phantom-cohort", "--cases", "2", "--seed", "9", *grid, "--output", str(folder / "cohort")]) == 0
    assert prepare(folder / "cohort", folder / "store") == 0
    for size in (scale.patch_size for scale in PAPER_SCALES):
        assert train(folder / "store", folder / "run", size) == 0
    assert publish(folder / "run", folder / "model", "--notice", "for tests", "--demo") == 0
    return folder


def prepare(cohort, store):
    return main(["prepare", str(cohort), "--working-spacing-mm", "6", "--output", str(store)])


def train(store, run, patch_size, *options):
    short = ("--recipe", "short", "--base-width", "2", "--iterations", "2", "--device", "cpu", "--batch-size", "2")
    return main(["train", str(store), "--patch-size", str(patch_size), "--output", str(run), *short, *options])


def publish(run, model, *options):
    return main(["publish", str(run), "--name", "tiny", "--trained-on", "phantoms", "--output", str(model), *options])


def test_a_published_model_carries_what_it_was_made_of(work):
    model = load_model(work / "model")
    assert (model.description.name, model.description.is_demo, model.config.working_spacing_mm) == ("tiny", True, 6.0)
    assert model.description.training["64"]["iterations"] == "2"


def test_a_model_is_measured_case_by_case(work, capsys):
    description = load_model(work / "model").description
    options = ("--model", str(work / "model"), "--device", "cpu", "--output", str(work / "evaluation"))
    assert main(["evaluate", str(work / "store"), *options]) == 0
    table = (work / "evaluation" / "table1.md").read_text()
    assert table.rstrip() == capsys.readouterr().out.rstrip()
    assert [line.split("|")[1].strip() for line in table.splitlines() if "^3 |" in line][:3] == ["64^3", "32^3", "16^3"]
    experiment = json.loads((work / "evaluation" / "experiment.json").read_text())
    assert len(experiment["cases"]) == 2
    assert experiment["setting"]["models"][0]["weights_sha256"] == description.weights_sha256
    assert experiment["setting"]["models"][0]["trained_on_others"] is False  # the store it was trained on
    assert "Trained on the very cases" in table
    assert sum(case["true_tumor_voxels"] > 0 for case in experiment["cases"]) == 1


def test_the_short_recipe_needs_its_iterations(work, tmp_path, capsys):
    code = main(["train", str(work / "store"), "--patch-size", "16", "--recipe", "short", "--output", str(tmp_path)])
    assert code == 2
    assert "needs --iterations" in capsys.readouterr().err


def test_networks_with_different_options_are_not_published_together(work, tmp_path, capsys):
    assert train(work / "store", tmp_path / "run", 16) == 0
    assert train(work / "store", tmp_path / "run", 32, "--base-width", "3") == 0
    assert publish(tmp_path / "run", tmp_path / "model") == 5
    assert "different configurations" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_each_network_may_have_its_own_batch_size_but_none_may_be_missing(work, tmp_path, capsys):
    assert train(work / "store", tmp_path / "run", 16) == 0
    assert train(work / "store", tmp_path / "run", 32, "--batch-size", "3") == 0
    assert publish(tmp_path / "run", tmp_path / "model") == 5
    assert "lacks the networks [64]" in capsys.readouterr().err


def test_a_bad_case_is_refused_by_name_and_the_others_are_stored(work, tmp_path, capsys):
    cohort = tmp_path / "cohort"
    for case in sorted((work / "cohort").glob("phantom-*")):
        for file in ("ct.nii.gz", "labels.nii.gz"):
            (cohort / case.name).mkdir(parents=True, exist_ok=True)
            (cohort / case.name / file).write_bytes((case / file).read_bytes())
    bad = sorted(cohort.iterdir())[0]
    labels = sitk.ReadImage(str(bad / "labels.nii.gz"))
    shifted = sitk.GetImageFromArray(np.ascontiguousarray(sitk.GetArrayFromImage(labels)[:, :-1]))
    shifted.CopyInformation(labels[:, :-1, :])
    sitk.WriteImage(shifted, str(bad / "labels.nii.gz"))
    assert prepare(cohort, tmp_path / "store") == 4
    said = capsys.readouterr()
    assert f"refused {bad.name}:" in said.err
    assert "1 cases stored" in said.out
    assert len(json.loads((tmp_path / "store" / "store.json").read_text())["cases"]) == 1


def test_a_folder_without_phantoms_is_told_what_to_do(tmp_path, capsys):
    assert prepare(tmp_path, tmp_path / "store") == 2
    assert prepare(f"phantoms={tmp_path}", tmp_path / "store") == 5
    assert "phantom-cohort" in capsys.readouterr().err


def test_a_store_on_another_grid_than_the_model_is_refused(work, tmp_path, capsys):
    assert (
        main(["prepare", str(work / "cohort"), "--working-spacing-mm", "7", "--output", str(tmp_path / "store")]) == 0
    )
    options = ("--model", str(work / "model"), "--output", str(tmp_path / "evaluation"))
    assert main(["evaluate", str(tmp_path / "store"), *options]) == 5
    assert "7.0 mm grid" in capsys.readouterr().err
