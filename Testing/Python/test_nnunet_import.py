"""A downloaded nnU-Net folder becomes a model, or is refused in words; nothing in it is ever run."""

import json
import os
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from nnunet_folders import (
    CHECKPOINT,
    PLAIN_LABELS,
    REGION_LABELS,
    architecture,
    checkpoint_content,
    configuration,
    older_architecture,
    random_state,
    write_folder,
)
from panorama_facts import RECIPE, write_panorama

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.model_description import read_description, sealed
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.plain_data import to_plain

LABELS = ("tumor=tumor", 'pancreas=pancreas,"pancreatic duct"')
CPU = Runtime("cpu", "fp32")


def typed(folder, output, *more, labels=LABELS):
    return [
        *("import-model", str(folder), "--name", "theirs", "--labels", *labels, "--output", str(output)),
        *("--license-text", "CC BY-NC 4.0\nAttribution: somebody", "--source", "https://somewhere", *more),
    ]


def imported(folder, output, *more, labels=LABELS):
    assert main(typed(folder, output, *more, labels=labels)) == 0
    return read_description(output)


def refused(folder, output, capsys, *more, labels=LABELS):
    """The sentence; afterwards there is no model."""
    assert main(typed(folder, output, *more, labels=labels)) in (2, 5)
    assert not (output / "model.json").exists()
    told = capsys.readouterr().err
    assert "Traceback" not in told
    return told


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
    assert "600 mm3" in told
    assert main(command) == 2
    assert "there is a model 'theirs' already" in capsys.readouterr().err


def test_a_name_that_would_leave_the_folder_is_refused(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    command = [*("import-model", str(folder), "--name", "../up", "--labels", *LABELS)]
    assert main([*command, "--license-text", "x", "--source", "y"]) == 2
    assert "letters, digits" in capsys.readouterr().err


class _Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_with_code_is_refused_and_the_code_does_not_run(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    state = random_state(folder, 0)
    content = checkpoint_content(state) | {"logging": _Runs(tmp_path / "it ran")}
    torch.save(content, folder / "fold_0" / CHECKPOINT)
    told = refused(folder, tmp_path / "model", capsys)
    assert "mkdir, which could run code" in told
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("foreign", [np.float32(0.5), np.zeros(3)], ids=["another numpy type", "a numpy array"])
def test_no_name_beyond_the_three_of_numpy_is_allowed(tmp_path, capsys, foreign):
    folder = write_folder(tmp_path / "trained")
    content = checkpoint_content(random_state(folder, 0)) | {"logging": foreign}
    torch.save(content, folder / "fold_0" / CHECKPOINT)
    assert "which could run code" in refused(folder, tmp_path / "model", capsys)


def test_a_bare_pickle_and_a_compressed_archive_are_refused(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    path = folder / "fold_0" / CHECKPOINT
    whole = path.read_bytes()
    with path.open("wb") as file:
        pickle.dump({"network_weights": {}}, file)
    assert "no checkpoint of PyTorch" in refused(folder, tmp_path / "model", capsys)
    (tmp_path / "whole.pth").write_bytes(whole)
    with zipfile.ZipFile(tmp_path / "whole.pth") as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in source.namelist():
            packed.writestr(name, source.read(name))
    assert "compressed" in refused(folder, tmp_path / "model", capsys)


def test_a_tensor_of_sixty_gigabytes_in_a_small_file_is_refused_before_it_takes_memory(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    state = random_state(folder, 0)
    name = "encoder.stages.0.0.convs.0.conv.bias"
    state[name] = torch.zeros(1).expand(15_000_000_000)
    torch.save(checkpoint_content(state), folder / "fold_0" / CHECKPOINT)
    assert "the network in plans.json needs" in refused(folder, tmp_path / "model", capsys)


def test_an_expanded_tensor_of_the_right_shape_is_refused_too(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    state = random_state(folder, 0)
    name = "encoder.stages.0.0.convs.1.conv.weight"
    state[name] = torch.zeros(1).expand(state[name].shape)
    torch.save(checkpoint_content(state), folder / "fold_0" / CHECKPOINT)
    assert "more elements than the file holds" in refused(folder, tmp_path / "model", capsys)


def test_a_plan_for_a_network_of_sixty_gigabytes_takes_no_memory(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    huge = configuration(architecture(features=(4096, 4096, 4096, 4096, 4096, 4096)), patch=(32, 64, 64))
    plans = json.loads((folder / "plans.json").read_text())
    (folder / "plans.json").write_text(json.dumps(plans | {"configurations": {"3d_fullres": huge}}))
    assert "not those of the network in plans.json" in refused(folder, tmp_path / "model", capsys)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("network_class_name", "os.system"),
        ("network_class_name", "dynamic_network_architectures.architectures.primus.Primus"),
        ("conv_op", "subprocess.Popen"),
        ("norm_op", "torch.hub.load"),
        ("nonlin", "builtins.eval"),
        ("dropout_op", "webbrowser.open"),
    ],
)
def test_class_names_outside_the_lists_are_refused(tmp_path, capsys, place, name):
    network = architecture()
    (network if place == "network_class_name" else network["arch_kwargs"])[place] = name
    folder = write_folder(tmp_path / "trained")
    plans = json.loads((folder / "plans.json").read_text())
    plans["configurations"]["3d_fullres"] = configuration(network)
    (folder / "plans.json").write_text(json.dumps(plans))
    told = refused(folder, tmp_path / "model", capsys)
    assert name in told
    assert "not among what can be used" in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel_names": {"0": "CT", "1": "PET"}}, "must see one image"),
        ({"channel_names": {"0": "T2"}}, "not on CT"),
        ({"labels": {"background": 0, "tumor": 1, "pancreas": 3}}, "without a gap"),
        ({"labels": {"background": 0, "lesion": 1, "pancreas": 2}}, "there is no label 'tumor'"),
        ({"labels": 7}, "cannot be used"),
        ({"labels": {"tumor": 1}}, "no background"),
    ],
)
def test_a_dataset_that_does_not_fit_is_refused_in_words(tmp_path, capsys, change, said):
    folder = write_folder(tmp_path / "trained")
    dataset = json.loads((folder / "dataset.json").read_text()) | change
    (folder / "dataset.json").write_text(json.dumps(dataset))
    assert said in refused(folder, tmp_path / "model", capsys)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"previous_stage": "3d_lowres"}, "cascade"),
        ({"patch_size": [64, 64]}, "three dimensions"),
        ({"patch_size": [8, 15, 24]}, "no multiple of"),
        ({"spacing": [0, 1, 1]}, "spacing must be positive"),
        ({"normalization_schemes": ["Own"]}, "normalization 'Own'"),
        ({"resampling_fn_data": "somebodys"}, "resampling_fn_data names 'somebodys'"),
        ({"inherits_from": "3d_fullres"}, "inherits from itself"),
        ({"architecture": {}}, "'network_class_name' is missing"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_in_words(tmp_path, capsys, change, said):
    folder = write_folder(tmp_path / "trained")
    plans = json.loads((folder / "plans.json").read_text())
    plans["configurations"]["3d_fullres"] |= change
    (folder / "plans.json").write_text(json.dumps(plans))
    assert said in refused(folder, tmp_path / "model", capsys)


def test_folds_of_different_trainings_are_no_model(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained", folds=("0", "1"))
    other = checkpoint_content(random_state(folder, 9), trainer="another")
    torch.save(other, folder / "fold_1" / CHECKPOINT)
    assert "no folds of one model" in refused(folder, tmp_path / "model", capsys)


def test_a_fold_without_its_checkpoint_is_named(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained", folds=("0", "1"))
    (folder / "fold_1" / CHECKPOINT).unlink()
    assert "fold_1 of" in refused(folder, tmp_path / "model", capsys)


def test_weights_that_are_not_finite_are_refused(tmp_path, capsys):
    folder = write_folder(tmp_path / "trained")
    state = random_state(folder, 0)
    state["encoder.stages.0.0.convs.0.conv.bias"][0] = torch.nan
    torch.save(checkpoint_content(state), folder / "fold_0" / CHECKPOINT)
    assert "not finite" in refused(folder, tmp_path / "model", capsys)


@pytest.mark.parametrize(
    "labels", [("tumor=tumor",), ("tumor", "pancreas=pancreas"), ("cancer=tumor", "pancreas=pancreas")]
)
def test_labels_that_leave_something_open_are_refused(tmp_path, capsys, labels):
    folder = write_folder(tmp_path / "trained")
    assert "--labels" in refused(folder, tmp_path / "model", capsys, labels=labels)


def test_a_model_whose_weights_were_exchanged_is_refused(tmp_path):
    folder = write_folder(tmp_path / "trained", folds=("0", "1"))
    imported(folder, tmp_path / "model")
    (tmp_path / "model" / "fine.fold_1.safetensors").write_bytes(
        (tmp_path / "model" / "fine.fold_0.safetensors").read_bytes()
    )
    with pytest.raises(ModelError, match="is not the file that model.json describes"):
        load_engine(tmp_path / "model", CPU)
    (tmp_path / "model" / "fine.fold_1.safetensors").unlink()
    with pytest.raises(ModelError, match="is missing"):
        load_engine(tmp_path / "model", CPU)


def test_an_edited_description_is_refused_and_a_weights_file_never_lies_elsewhere(tmp_path):
    folder = write_folder(tmp_path / "trained")
    imported(folder, tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    path.write_text(path.read_text().replace("fine.fold_0.safetensors", "../elsewhere"))
    with pytest.raises(ModelError, match="a weights file has no folder"):
        read_description(tmp_path / "model")


def test_an_imported_model_has_no_networks_to_publish(tmp_path):
    folder = write_folder(tmp_path / "trained")
    imported(folder, tmp_path / "model")
    with pytest.raises(ModelError, match="imported nnU-Net"):
        load_model(tmp_path / "model")


def test_a_model_of_a_network_that_no_file_holds_takes_no_memory(tmp_path):
    """Sealed by somebody else: the digests are right, and the network is one of 60 gigabytes."""
    folder = write_folder(tmp_path / "trained")
    description = imported(folder, tmp_path / "model")
    huge = replace(description.nnunet.fine.unet, features=(4096, 4096, 4096))
    nnunet = replace(description.nnunet, fine=replace(description.nnunet.fine, unet=huge))
    (tmp_path / "model" / "model.json").write_text(json.dumps(to_plain(sealed(replace(description, nnunet=nnunet)))))
    with pytest.raises(ModelError, match="does not fit the network"):
        load_engine(tmp_path / "model", CPU)
