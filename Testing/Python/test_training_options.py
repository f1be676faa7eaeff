"""What `train` is asked for becomes one configuration; the recipes' own values where nothing is asked."""

from argparse import ArgumentParser
from pathlib import Path

import pytest
from small_store import small_store

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.commands import train as train_command
from PDACScreeningLib.config import PAPER_SCALES, IntensityAugmentation, ScaleSpec, TrainingConfig
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.terminal.arguments import from_arguments
from PDACScreeningLib.training import recipes
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.training_session import TrainRequest, training_config


def asked(*options):
    parser = ArgumentParser()
    train_command.add_arguments(parser)
    typed = parser.parse_args(["store", "--patch-size", "16", "--output", "run", *options])
    return training_config(from_arguments(TrainRequest, typed), 1.0)


def test_without_options_it_is_the_paper():
    assert asked() == TrainingConfig()


def test_every_option_of_the_learning_reaches_its_field():
    config = asked(
        *("--recipe", "short", "--iterations", "100", "--learning-rate", "0.002", "--class-weights", "1", "1.5", "2"),
        *("--augmentation-start", "7", "--average-decay", "0.99", "--symmetries", "axial"),
        *("--augment-shift-hu", "8", "--augment-contrast", "0.1", "--augment-noise-hu", "5"),
        *("--augment-blur-voxels", "0.5", "--validation-every", "10", "--validation-scans", "6"),
    )
    assert (config.optimizer.learning_rate, config.optimizer.name) == (0.002, "adamw")
    assert config.loss.class_weights == (1.0, 1.5, 2.0)
    assert (config.augmentation_start, config.average_decay, config.symmetries) == (7, 0.99, "axial")
    assert config.intensity_augmentation == IntensityAugmentation(8.0, 0.1, 5.0, 0.5)
    assert (config.validation.every, config.validation.scans) == (10, 6)


@pytest.mark.parametrize(
    "options", [("--augment-blur-voxels", "2"), ("--average-decay", "1"), ("--augment-contrast", "-1")]
)
def test_a_value_that_makes_no_training_is_a_usage_error(options):
    with pytest.raises(UsageError, match=options[0].removeprefix("--augment-").replace("-", "_").removeprefix("__")):
        asked(*options)


def test_a_fourth_scale_does_not_break_the_recipes(monkeypatch):
    with_48 = (PAPER_SCALES[0], ScaleSpec(48, 16, 24, (1.0, 3.0)), *PAPER_SCALES[1:])
    with_8 = (*with_48, ScaleSpec(8, 4, 256, (1.0, 3.0)))
    monkeypatch.setattr(recipes, "PAPER_SCALES", with_8)
    config = recipes.short_recipe(1.0, base_width=8, iterations=100)
    sizes = {scale.patch_size: scale.batch_size for scale in config.screening.scales}
    assert sizes == {64: 4, 48: 4 * 64**3 // 48**3, 32: 24, 16: 128, 8: 256}


def train(store, run, *options):
    tiny = ("--recipe", "short", "--iterations", "2", "--batch-size", "2", "--device", "cpu", "--checkpoint-every", "1")
    return main(["train", str(store), "--patch-size", "16", "--output", str(run), *tiny, *options])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of width 2 with one network, and the store it learned from."""
    folder = tmp_path_factory.mktemp("model")
    small_store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "PAPER_SCALES", PAPER_SCALES[2:])
        assert train(folder / "store", folder / "run", "--base-width", "2") == 0
        made = ["publish", str(folder / "run"), "--name", "small", "--trained-on", "boxes"]
        assert main([*made, "--output", str(folder / "model")]) == 0
    return folder


def test_a_training_learns_on_from_a_model_and_remembers_which(model, tmp_path):
    assert train(model / "store", tmp_path, "--init-from", str(model / "model"), "--learning-rate", "1e-12") == 0
    start, end = load_model(model / "model"), CheckpointFolder(tmp_path / "16").newest()
    assert end.config.start_weights_sha256 == start.description.weights_sha256
    assert end.config.screening.network.base_width == 2
    theirs = {name: weight.detach() for name, weight in start.networks[16].named_parameters()}
    assert max(float((end.network_state[name] - theirs[name]).abs().max()) for name in theirs) < 1e-6


def test_a_training_does_not_go_on_as_one_from_another_model(model, tmp_path, capsys):
    assert train(model / "store", tmp_path, "--base-width", "2") == 0
    assert train(model / "store", tmp_path, "--init-from", str(model / "model")) == 5
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--base-width", "4"), "the model to start from has 2", 2),
        (("--patch-size", "32"), "has no 32^3 network", 5),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model, tmp_path, capsys, options, said, code):
    assert train(model / "store", tmp_path, "--init-from", str(model / "model"), *options) == code
    assert said in capsys.readouterr().err
    assert not list(Path(tmp_path).rglob("*.pt"))


def test_averaged_weights_are_what_is_published(model, tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "PAPER_SCALES", PAPER_SCALES[2:])
    assert train(model / "store", tmp_path / "run", "--base-width", "2", "--average-decay", "0.9") == 0
    made = ["publish", str(tmp_path / "run"), "--name", "small", "--trained-on", "boxes"]
    checkpoint = CheckpointFolder(tmp_path / "run" / "16").newest()
    for wish, state in (("average", checkpoint.average_state), ("last", checkpoint.network_state)):
        assert main([*made, "--weights", wish, "--output", str(tmp_path / wish)]) == 0
        published = load_model(tmp_path / wish)
        assert bool((published.networks[16].head.bias == state["head.bias"]).all())
        assert published.description.training["16"]["weights"] == wish
    assert main([*made, "--output", str(tmp_path / "default")]) == 0
    assert load_model(tmp_path / "default").description.training["16"]["weights"] == "average"
