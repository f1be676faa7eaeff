"""The training loss: voxel-wise cross-entropy of the main and the auxiliary outputs (section 2.2, Fig. 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from PDACScreeningLib.config import NUM_CLASSES, LossSpec, ScaleSpec
from PDACScreeningLib.network.rank_sum import is_distributed, sum_over_ranks
from PDACScreeningLib.volume.label_map import Label


@dataclass(frozen=True)
class SupervisedLoss:
    """total: what is minimized. heads: the loss of every output before it is weighted, in the order of the outputs."""

    total: Tensor
    heads: tuple[Tensor, ...]


def head_names(scale: ScaleSpec) -> tuple[str, ...]:
    """Names of the outputs in training: auxiliary_1, (auxiliary_2,) main."""
    return (*(f"auxiliary_{number}" for number in range(1, len(scale.loss_weights))), "main")


def deeply_supervised_loss(
    outputs: Sequence[Tensor], labels: Tensor, scale: ScaleSpec, spec: LossSpec
) -> SupervisedLoss:
    """The weighted sum of the loss of every output, in units of the main loss.

    outputs: logits (n, 3, z, y, x) in the order auxiliary #1, (auxiliary #2,) main. labels: (n, z, y, x) int64.
    "The weight ratio for auxiliary losses #1, #2 and the main loss is 1:2:5 for the 64^3 network, and 1:3 for the
    auxiliary loss #1 and the main loss for the 32^3 and 16^3 networks." The main weight is scaled to 1 (1/5, 2/5, 1),
    so that the learning rate means the same with and without deep supervision.
    """
    if len(outputs) != len(scale.loss_weights):
        raise ValueError(f"{len(outputs)} outputs do not fit the loss weights {scale.loss_weights}")
    main_weight = scale.loss_weights[-1]
    heads = tuple(segmentation_loss(logits, labels, spec) for logits in outputs)
    weighted = [(weight / main_weight) * head for weight, head in zip(scale.loss_weights, heads, strict=True)]
    return SupervisedLoss(torch.stack(weighted).sum(), heads)


def segmentation_loss(logits: Tensor, labels: Tensor, spec: LossSpec) -> Tensor:
    """Voxel-wise cross-entropy, plus `spec.dice_weight` times the soft Dice loss (ours; 0 in the paper).

    With several ranks both are those of the whole mini-batch, the same on each (ADR 0013).
    """
    logits = logits.float()
    weights = _class_weights(spec.class_weights, logits.device)
    loss = functional.cross_entropy(logits, labels, weight=weights)
    if is_distributed():
        own = weights[labels].sum()  # what the mean above divided by
        loss = sum_over_ranks(loss * own / sum_over_ranks(own))
    if spec.dice_weight > 0:
        loss = loss + spec.dice_weight * soft_dice_loss(logits, labels)
    return loss


@lru_cache(maxsize=8)
def _class_weights(weights: tuple[float, float, float], device: torch.device) -> Tensor:
    """Made once: the processor waits for a GPU until such a copy is done."""
    return torch.tensor(weights, dtype=torch.float32, device=device)


def soft_dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """1 - soft Dice, averaged over the foreground classes that occur in the batch; 0 when none occurs.

    A class that does not occur is left out: its Dice would push every probability of it to zero.
    """
    probabilities = logits.softmax(dim=1)
    losses, occurs = [], []
    for label in (Label.PANCREAS, Label.TUMOR):
        truth = (labels == label).float()
        voxels = sum_over_ranks(truth.sum())
        overlap = sum_over_ranks((probabilities[:, label] * truth).sum())
        either = sum_over_ranks(probabilities[:, label].sum()) + voxels
        occurs.append(voxels > 0)  # asking for it here would make the processor wait for a GPU
        losses.append(1 - 2 * overlap / torch.where(occurs[-1], either, 1.0))
    present = torch.stack(occurs)
    return torch.where(present, torch.stack(losses), 0.0).sum() / present.sum().clamp(min=1)


def class_frequencies(labels: Tensor) -> tuple[float, float, float]:
    """Share of background, pancreas and tumor in a batch of labels (n, z, y, x)."""
    counts = torch.bincount(labels.reshape(-1), minlength=NUM_CLASSES).double()
    background, pancreas, tumor = (counts / counts.sum()).tolist()
    return (background, pancreas, tumor)
