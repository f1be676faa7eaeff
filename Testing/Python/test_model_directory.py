"""A model on disk: what is written comes back, what is damaged is refused, a demo is never picked silently."""

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from PDACScreeningLib import resources
from PDACScreeningLib.config import NetworkSpec, ScreeningConfig
from PDACScreeningLib.errors import ModelError, UsageError
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_description import ModelDescription, read_description, sealed
from PDACScreeningLib.network.model_directory import load_model, save_model
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.weights_file import read_weights, write_weights
from PDACScreeningLib.network.window_predictor import window_predictors
from PDACScreeningLib.plain_data import to_plain

CONFIG = ScreeningConfig(network=NetworkSpec(base_width=2))


def states():
    torch.manual_seed(0)
    return {scale.patch_size: SegmentationNetwork(scale, CONFIG.network).state_dict() for scale in CONFIG.scales}


def saved_model(folder, *, name="tiny", is_demo=False):
    description = ModelDescription(name, "nothing", is_demo, CONFIG, weights_sha256="", notice="untrained")
    return save_model(folder, description, states())


def test_a_saved_model_comes_back(tmp_path):
    written = saved_model(tmp_path)
    model = load_model(tmp_path)
    assert model.description == written
    assert model.config == CONFIG
    assert sorted(model.networks) == [16, 32, 64]


def test_loaded_networks_answer_as_the_trained_ones(tmp_path):
    saved_model(tmp_path)
    trained = SegmentationNetwork(CONFIG.scales[2], CONFIG.network)
    trained.load_state_dict(states()[16])
    image = torch.randn(2, 1, 16, 16, 16)
    with torch.inference_mode():
        assert torch.equal(load_model(tmp_path).networks[16](image), trained.eval()(image))


def test_auxiliary_heads_are_left_out(tmp_path):
    saved_model(tmp_path)
    assert not any("auxiliary" in name for name in load_file(tmp_path / "weights.safetensors"))


def test_predictors_give_probabilities(tmp_path):
    saved_model(tmp_path)
    predictors = window_predictors(load_model(tmp_path), Runtime("cpu", "fp32"))
    answer = predictors[32](np.zeros((3, 32, 32, 32), np.float32))
    assert (answer.shape, answer.dtype) == ((3, 3, 32, 32, 32), np.float32)
    assert answer.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_bf16_answers_are_close_to_fp32(tmp_path):
    saved_model(tmp_path)
    windows = np.random.default_rng(0).normal(size=(2, 32, 32, 32)).astype(np.float32)
    full, half = (window_predictors(load_model(tmp_path), Runtime("cpu", p))[32](windows) for p in ("fp32", "bf16"))
    assert np.abs(full - half).max() < 0.05


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "weights.safetensors").unlink(), "weights.safetensors is missing"),
        (lambda folder: flip_a_byte(folder / "weights.safetensors"), "not the file that model.json describes"),
        (lambda folder: (folder / "model.json").unlink(), "not a model"),
        (lambda folder: (folder / "model.json").write_text("{"), "cannot be used"),
        (lambda folder: (folder / "model.json").write_text("{}"), "missing key"),
    ],
)
def test_a_damaged_model_is_refused_in_words(tmp_path, damage, message):
    saved_model(tmp_path)
    damage(tmp_path)
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path)


def test_no_bit_of_a_description_changes_unseen(tmp_path):
    whole = saved_model(tmp_path)
    content = (tmp_path / "model.json").read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 4  # 50 tumor voxels become 10 or 54
        (tmp_path / "model.json").write_bytes(damaged)
        try:
            assert read_description(tmp_path) == whole
        except ModelError:
            continue


def test_a_number_that_was_edited_is_told(tmp_path):
    saved_model(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    described["config"]["decision"]["min_tumor_voxels"] = 70
    (tmp_path / "model.json").write_text(json.dumps(described))
    with pytest.raises(ModelError, match="model.json in .* is not as it was written"):
        load_model(tmp_path)


def test_weights_of_another_width_are_refused(tmp_path):
    saved_model(tmp_path)
    described = read_description(tmp_path)
    wider = replace(described.config, network=replace(described.config.network, base_width=3))
    (tmp_path / "model.json").write_text(json.dumps(to_plain(sealed(replace(described, config=wider)))))
    with pytest.raises(ModelError, match="do not fit the configuration"):
        load_model(tmp_path)


def test_a_model_of_another_format_is_refused(tmp_path):
    saved_model(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | {"format_version": 99}))
    with pytest.raises(ModelError, match="format 99"):
        read_description(tmp_path)


def test_missing_networks_are_refused(tmp_path):
    description = ModelDescription("tiny", "nothing", False, CONFIG, weights_sha256="")
    with pytest.raises(ValueError, match="weights were given for"):
        save_model(tmp_path, description, {16: states()[16]})


TENSORS = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "b": torch.tensor(5, dtype=torch.int64),
    "c": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "half": torch.tensor([[0.5, 3.0, 7.0], [3.0, 1.0, 2.0]], dtype=torch.float16),
    "\u00e9": torch.ones(1),
    "empty": torch.zeros(0, 3),
}


def test_our_reader_agrees_with_the_safetensors_package(tmp_path):
    save_file(TENSORS, tmp_path / "w.safetensors", metadata={"by": "the package"})
    ours = read_weights(tmp_path / "w.safetensors")
    assert ours.keys() == TENSORS.keys()
    assert all(torch.equal(ours[name], tensor) and ours[name].dtype == tensor.dtype for name, tensor in TENSORS.items())


def test_what_we_write_is_what_the_package_writes_and_reads(tmp_path):
    turned = TENSORS["half"].T.contiguous().T  # another order in memory
    write_weights(TENSORS | {"half": turned}, tmp_path / "w.safetensors")
    assert (tmp_path / "w.safetensors").read_bytes() == save(TENSORS)
    theirs = load_file(tmp_path / "w.safetensors")
    assert all(torch.equal(theirs[name], tensor) for name, tensor in TENSORS.items())


def test_a_tensor_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match="tensor a is torch.float64"):
        write_weights({"a": torch.zeros(2, dtype=torch.float64)}, tmp_path / "w.safetensors")


def test_every_cut_of_a_weights_file_is_refused(tmp_path):
    whole = write_weights(TENSORS, tmp_path / "w.safetensors").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.safetensors").write_bytes(whole[:length])
        with pytest.raises(ModelError, match="damaged"):
            read_weights(tmp_path / "cut.safetensors")


def test_the_shortest_header_names_nothing_and_a_shorter_one_is_none(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    assert read_weights(path) == {}
    path.write_bytes((1).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelError, match="the header does not fit the file"):
        read_weights(path)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "_PLACES", (tmp_path,))
    (tmp_path / "Models").mkdir()
    return tmp_path / "Models"


def test_a_demo_is_not_picked_without_being_asked_for(installed):
    saved_model(installed / "demo", name="demo", is_demo=True)
    with pytest.raises(UsageError, match="demo trained on synthetic phantoms.*--model demo"):
        find_model(None)
    assert find_model("demo").folder == installed / "demo"


def test_the_only_real_model_is_picked_and_the_choice_explained(installed):
    saved_model(installed / "demo", is_demo=True)
    saved_model(installed / "real")
    choice = find_model(None)
    assert choice.folder == installed / "real"
    assert "only installed model that is not a demo" in choice.reason


def test_two_real_models_need_a_choice(installed):
    saved_model(installed / "a")
    saved_model(installed / "b")
    with pytest.raises(UsageError, match="several models"):
        find_model(None)


def test_a_folder_can_be_named(installed, tmp_path):
    saved_model(tmp_path / "elsewhere")
    assert find_model(str(tmp_path / "elsewhere")).folder == tmp_path / "elsewhere"


def test_an_unknown_model_is_refused_with_what_there_is(installed):
    saved_model(installed / "real")
    with pytest.raises(UsageError, match=r"no model 'other'.*\(real\)"):
        find_model("other")


def test_a_header_has_at_most_ten_million_bytes(tmp_path):
    path = tmp_path / "w.safetensors"
    for size, is_read in ((10_000_000, True), (10_000_001, False)):
        path.write_bytes(size.to_bytes(8, "little") + b"{}" + b" " * (size - 2))
        with nullcontext() if is_read else pytest.raises(ModelError, match="the header does not fit the file"):
            read_weights(path)
