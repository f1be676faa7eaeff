"""The training loss, against sums made by hand."""

import math

import pytest
import torch

from PDACScreeningLib.config import PAPER_SCALES, LossSpec
from PDACScreeningLib.network import deep_supervision
from PDACScreeningLib.network.deep_supervision import (
    class_frequencies,
    deeply_supervised_loss,
    head_names,
    soft_dice_loss,
)


def logits_of(*probabilities):
    """Logits (1, 3, 1, 1, n) whose softmax is the given (background, pancreas, tumor) of each voxel."""
    return torch.log(torch.tensor(probabilities)).T.reshape(1, 3, 1, 1, -1)


def labels_of(*values):
    return torch.tensor(values).reshape(1, 1, 1, -1)


def test_loss_is_the_weighted_sum_of_the_voxel_wise_cross_entropies():
    labels = labels_of(0, 1)
    auxiliary1 = logits_of((0.5, 0.25, 0.25), (0.25, 0.5, 0.25))  # cross-entropy ln 2 at both voxels
    auxiliary2 = logits_of((0.25, 0.5, 0.25), (0.5, 0.25, 0.25))  # ln 4
    main = logits_of((0.5, 0.25, 0.25), (0.5, 0.25, 0.25))  # (ln 2 + ln 4) / 2
    loss = deeply_supervised_loss([auxiliary1, auxiliary2, main], labels, PAPER_SCALES[0], LossSpec())
    ln2 = math.log(2)
    assert [head.item() for head in loss.heads] == pytest.approx([ln2, 2 * ln2, 1.5 * ln2], rel=1e-6)
    assert loss.total.item() == pytest.approx((1 * ln2 + 2 * 2 * ln2 + 5 * 1.5 * ln2) / 5, rel=1e-6)


def test_small_networks_weigh_one_to_three():
    labels = labels_of(0)
    ln2, ln4 = logits_of((0.5, 0.25, 0.25)), logits_of((0.25, 0.5, 0.25))
    loss = deeply_supervised_loss([ln4, ln2], labels, PAPER_SCALES[1], LossSpec())
    assert loss.total.item() == pytest.approx((1 * math.log(4) + 3 * math.log(2)) / 3, rel=1e-6)


def test_class_weights_average_by_weight():
    labels = labels_of(0, 2)
    main = logits_of((0.5, 0.25, 0.25), (0.5, 0.25, 0.25))  # ln 2 on background, ln 4 on tumor
    spec = LossSpec(class_weights=(1.0, 1.0, 3.0))
    loss = deeply_supervised_loss([main, main], labels, PAPER_SCALES[2], spec)
    cross_entropy = (1 * math.log(2) + 3 * math.log(4)) / 4
    assert loss.total.item() == pytest.approx(cross_entropy * (1 + 1 / 3), rel=1e-6)


def test_soft_dice_by_pencil():
    labels = labels_of(1, 0)
    outputs = logits_of((0.4, 0.6, 1e-9), (0.8, 0.2, 1e-9))  # pancreas probabilities 0.6 and 0.2, truth 1 and 0
    assert soft_dice_loss(outputs, labels).item() == pytest.approx(1 - 2 * 0.6 / (0.8 + 1), rel=1e-5)


def test_soft_dice_is_the_mean_of_both_classes_where_both_occur():
    logits = logits_of((0.5, 0.25, 0.25), (0.25, 0.25, 0.5))
    # pancreas: 1 - 2 * .25 / (.5 + 1); tumor: 1 - 2 * .5 / (.75 + 1)
    expected = ((1 - 0.5 / 1.5) + (1 - 1.0 / 1.75)) / 2
    assert soft_dice_loss(logits, labels_of(1, 2)).item() == pytest.approx(expected, rel=1e-6)


def test_a_class_that_does_not_occur_has_no_dice():
    outputs = logits_of((0.2, 0.2, 0.6))
    assert soft_dice_loss(outputs, labels_of(0)).item() == 0


def test_wrong_number_of_outputs_is_refused():
    with pytest.raises(ValueError, match="do not fit the loss weights"):
        deeply_supervised_loss([logits_of((1.0, 1.0, 1.0))], labels_of(0), PAPER_SCALES[0], LossSpec())


def test_heads_are_named_as_in_figure_2():
    assert head_names(PAPER_SCALES[0]) == ("auxiliary_1", "auxiliary_2", "main")
    assert head_names(PAPER_SCALES[2]) == ("auxiliary_1", "main")


def test_class_frequencies_count_voxels():
    assert class_frequencies(labels_of(0, 0, 1, 2)) == (0.5, 0.25, 0.25)


def test_one_rank_of_several_has_the_loss_of_a_single_process(monkeypatch):
    spec = LossSpec(class_weights=(1.0, 2.0, 4.0))
    logits, labels = logits_of((0.5, 0.25, 0.25), (0.25, 0.5, 0.25)), labels_of(1, 2)
    alone = deep_supervision.segmentation_loss(logits, labels, spec)
    monkeypatch.setattr(deep_supervision, "is_distributed", lambda: True)
    monkeypatch.setattr(deep_supervision, "sum_over_ranks", lambda value: value)
    assert deep_supervision.segmentation_loss(logits, labels, spec) == pytest.approx(float(alone))
    monkeypatch.setattr(deep_supervision, "sum_over_ranks", lambda value: 2 * value)  # two ranks with the same patches
    assert deep_supervision.segmentation_loss(logits, labels, spec) == pytest.approx(float(alone))
