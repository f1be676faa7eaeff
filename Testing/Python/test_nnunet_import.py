"""A downloaded nnU-Net folder becomes a model, with all that it was made of."""

import pytest
from nnunet_folders import (
    CHECKPOINT,
    PLAIN_LABELS,
    REGION_LABELS,
    architecture,
    configuration,
    older_architecture,
    write_folder,
)
from nnunet_imports import LABELS, imported
from panorama_facts import RECIPE, write_panorama

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.network.runtime import Runtime

CPU = Runtime("cpu", "fp32")


@pytest.mark.parametrize(
    ("config", "labels", "wish", "folds"),
    [
        (configuration(architecture()), PLAIN_LABELS, LABELS, ("0",)),
        (configuration(architecture()), PLAIN_LABELS, LABELS, ("0", "1", "2", "3", "4")),
        (configuration(older_architecture()), PLAIN_LABELS, LABELS, ("all",)),
        (configuration(architecture("ResidualEncoderUNet")), PLAIN_LABELS, LABELS, ("0", "1")),
        (configuration(architecture()), REGION_LABELS, ("tumor=lesion", "pancreas=pancreas"), ("all",)),
    ],
    ids=["plain", "five folds", "plans of 2023", "residual encoder", "regions"],
)
def test_every_kind_of_folder_is_imported_with_all_that_it_was_made_of(tmp_path, config, labels, wish, folds):
    folder = write_folder(tmp_path / "trained", config, labels=labels, folds=folds, trainer="nnUNetTrainerOfSomebody")
    description = imported(folder, tmp_path / "model", labels=wish)
    nnunet = description.nnunet
    assert (description.engine, description.is_demo) == ("nnunet-v2", False)
    assert [fold.name for fold in nnunet.fine.folds] == list(folds)
    assert nnunet.fine.trainer == "nnUNetTrainerOfSomebody"
    assert nnunet.license == "CC BY-NC 4.0\nAttribution: somebody"
    assert (nnunet.source, description.config.working_spacing_mm) == ("https://somewhere", None)
    expected = {f"trained/{name}": file_sha256(folder / name) for name in ("dataset.json", "plans.json")}
    expected |= {f"trained/fold_{f}/{CHECKPOINT}": file_sha256(folder / f"fold_{f}" / CHECKPOINT) for f in folds}
    assert nnunet.imported_sha256 == expected
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "million parameters" in card
    assert "> Attribution: somebody" in card
    assert (tmp_path / "model" / "LICENSE.txt").read_text() == "CC BY-NC 4.0\nAttribution: somebody\n"
    kinds = {path.suffix for path in (tmp_path / "model").iterdir()}
    assert kinds == {".safetensors", ".json", ".md", ".txt"}
    load_engine(tmp_path / "model", CPU)


def test_the_labels_of_regions_count_by_what_they_are_part_of(tmp_path):
    folder = write_folder(tmp_path / "trained", labels=REGION_LABELS)
    labels = imported(folder, tmp_path / "model", labels=("tumor=lesion", "pancreas=pancreas")).nnunet.fine.labels
    assert labels.regions
    assert (labels.values, labels.tumor_values, labels.pancreas_values) == ((1, 2, 3), (3,), (1, 2, 3))
    assert labels.tumor_heads == (2,)


def test_a_recipe_fills_in_both_steps_of_the_panorama_baseline(tmp_path):
    write_panorama(tmp_path / "nnUNet_results", features=(4,) * 6, coarse_features=4)
    command = [
        *("import-model", str(tmp_path / "nnUNet_results"), "--recipe", RECIPE, "--name", "p"),
        *("--output", str(tmp_path / "model"), "--license-text", "Apache-2.0", "--source", "zenodo"),
    ]
    assert main(command) == 0
    nnunet = read_description(tmp_path / "model").nnunet
    assert nnunet.coarse.spacing_mm_xyz == (4.5, 4.5, 9.0)
    assert nnunet.coarse.margin_mm_xyz == (100.0, 50.0, 15.0)
    assert nnunet.coarse.step.folds[0].checkpoint == "checkpoint_final.pth"
    assert nnunet.fine.folds[0].checkpoint == "checkpoint_best_panorama.pth"
    assert (nnunet.fine.labels.tumor_values, nnunet.fine.labels.pancreas_values) == ((1,), (4, 5))
    assert nnunet.fine.trainer == "nnUNetTrainer_Loss_CE_checkpoints"
    assert nnunet.recipe == RECIPE


def test_an_imported_model_is_found_by_its_name_and_not_written_over(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PDAC_SCREENING_MODELS", str(tmp_path / "mine"))
    folder = write_folder(tmp_path / "trained")
    command = [
        *("import-model", str(folder), "--name", "theirs", "--labels", *LABELS),
        *("--license-text", "none", "--source", "me"),
    ]
    assert main(command) == 0
    assert (tmp_path / "mine" / "theirs" / "model.json").exists()
    capsys.readouterr()
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    assert "nnU-Net, folds 0, one step" in told
    assert "0.60 mL (" in told
    assert main(command) == 2
    assert "there is a model 'theirs' already" in capsys.readouterr().err


def test_a_name_that_would_leave_the_folder_is_refused(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    command = [*("import-model", str(folder), "--name", "../up", "--labels", *LABELS)]
    assert main([*command, "--license-text", "x", "--source", "y"]) == 2
    assert "letters, digits" in capsys.readouterr().err
