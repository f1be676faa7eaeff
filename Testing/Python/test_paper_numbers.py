"""The paper's numbers are the defaults. Each line of the table is a sentence of sections 2.2, 2.3 or Fig. 2."""

import pytest

from PDACScreeningLib.config import (
    ComponentFilter,
    DecisionRule,
    OptimizerSpec,
    PatchSampling,
    ScaleSpec,
    ScreeningConfig,
    TrainingConfig,
)
from PDACScreeningLib.plain_data import from_plain, to_plain


@pytest.mark.parametrize(
    ("sentence", "ours", "paper"),
    [
        ("input volumes of 64^3, 32^3 and 16^3", [s.patch_size for s in ScreeningConfig().scales], [64, 32, 16]),
        (
            "the spatial stride is 20; the strides are 10 and 5",
            [s.stride for s in ScreeningConfig().scales],
            [20, 10, 5],
        ),
        ("mini-batch size 16, 32 and 128", [s.batch_size for s in ScreeningConfig().scales], [16, 32, 128]),
        ("1:2:5 for the 64^3 network", ScreeningConfig().scales[0].loss_weights, (1, 2, 5)),
        ("1:3 for the 32^3 network", ScreeningConfig().scales[1].loss_weights, (1, 3)),
        ("1:3 for the 16^3 network", ScreeningConfig().scales[2].loss_weights, (1, 3)),
        ("padding a 32-voxel margin (training)", PatchSampling().roi_margin_voxels, 32),
        ("padded by 32 (testing)", ScreeningConfig().roi_margin_voxels, 32),
        ("the base learning rate is 0.01", OptimizerSpec().learning_rate, 0.01),
        ("the power is 0.9", OptimizerSpec().power, 0.9),
        ("momentum 0.9", OptimizerSpec().momentum, 0.9),
        ("weight decay 0.0005", OptimizerSpec().weight_decay, 0.0005),
        ("a total of 80,000 iterations", TrainingConfig().iterations, 80_000),
        ("flipping patches and rotating", TrainingConfig().augmentation, True),
        ("larger than 20% of the maximal connected component", ComponentFilter().min_fraction, 0.2),
        ("in practice, we set K = 50", DecisionRule().min_tumor_voxels, 50),
    ],
)
def test_defaults_are_the_papers(sentence, ours, paper):
    assert ours == paper, sentence


def test_what_departs_from_the_paper_is_off_by_default():
    config = TrainingConfig()
    assert config.optimizer.name == "sgd"
    assert config.loss.class_weights == (1, 1, 1)
    assert (config.loss.dice_weight, config.loss.prior_bias, config.screening.network.negative_slope) == (0, False, 0)
    assert (config.optimizer.warmup_iterations, config.augmentation_start) == (0, 0)


def test_a_config_survives_the_way_through_plain_data():
    config = TrainingConfig(seed=7)
    assert from_plain(TrainingConfig, to_plain(config)) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeed": 1}, "unknown key"),
        ({"iterations": "many"}, "iterations"),
        ({"optimizer": {"name": "lion"}}, "expected one of"),
        ({"iterations": 0}, "at least 1"),
        ({"augmentation": 1}, "expected bool"),
    ],
)
def test_a_foreign_config_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        from_plain(TrainingConfig, to_plain(TrainingConfig()) | change)


@pytest.mark.parametrize(
    "bad",
    [
        {"patch_size": 20, "stride": 5, "batch_size": 1, "loss_weights": (1.0,)},
        {"patch_size": 16, "stride": 17, "batch_size": 1, "loss_weights": (1.0,)},
        {"patch_size": 16, "stride": 5, "batch_size": 0, "loss_weights": (1.0,)},
        {"patch_size": 16, "stride": 5, "batch_size": 1, "loss_weights": (1.0, -3.0)},
        {"patch_size": 16, "stride": 5, "batch_size": 1, "loss_weights": ()},
    ],
)
def test_a_scale_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError, match="must|at most|positive"):
        ScaleSpec(**bad)


def test_scales_must_go_from_coarse_to_fine():
    scales = ScreeningConfig().scales
    with pytest.raises(ValueError, match="coarse to fine"):
        ScreeningConfig(scales=scales[::-1])
