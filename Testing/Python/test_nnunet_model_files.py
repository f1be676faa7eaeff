"""An imported model whose files are not those that `model.json` describes is refused."""

import json
from dataclasses import replace

import pytest
from nnunet_folders import (
    write_folder,
)
from nnunet_imports import imported

from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.model_description import read_description, sealed
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.plain_data import to_plain

CPU = Runtime("cpu", "fp32")


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
