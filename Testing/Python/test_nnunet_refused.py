"""A folder that could run code, take all memory, or be no model is refused in words; nothing in it is ever run."""

import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from nnunet_folders import (
    CHECKPOINT,
    architecture,
    checkpoint_content,
    configuration,
    random_state,
    write_folder,
)
from nnunet_imports import refused


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
