"""How good a network in training is on patients it does not learn from: Dice on fixed patches (ADR 0012)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from PDACScreeningLib.config import ValidationSpec
from PDACScreeningLib.network.rank_sum import sum_over_ranks
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.training.patch_source import PatchSource
from PDACScreeningLib.training.step import StepSpec, autocast, to_device
from PDACScreeningLib.volume.label_map import Label

_FOREGROUND = (Label.PANCREAS, Label.TUMOR)


@dataclass(frozen=True)
class Validation:
    """What a training is validated on, and how."""

    source: PatchSource  # of the validation patients
    step: StepSpec
    spec: ValidationSpec

    def mean_dice(self, network: SegmentationNetwork) -> float:
        """Mean of the Dice of pancreas and of tumor over all voxels of all validation patches together.

        The same weights give the same value at every iteration, after every resumption and, up to rounding of the
        network, with every number of ranks.
        """
        network.eval()
        counts = torch.zeros(len(_FOREGROUND), 2, dtype=torch.int64)
        for index in range(self.spec.batches):
            counts += self._counts(network, index)
        return mean_dice_of(sum_over_ranks(counts))

    @torch.no_grad()
    def _counts(self, network: SegmentationNetwork, index: int) -> Tensor:
        """Voxels that agree, and voxels of either side, for each class: (2, 2) int64 on the CPU."""
        batch = self.source.validation_batch(index)
        image, labels = to_device(batch, self.step.intensity, self.step.runtime.device)
        with autocast(self.step):
            predicted = network(image).argmax(dim=1)
        return torch.stack([_agreement(predicted == label, labels == label) for label in _FOREGROUND]).cpu()


def mean_dice_of(counts: Tensor) -> float:
    """Mean over the classes that occur or are predicted, 0 without any.

    counts: (classes, 2), voxels in both masks, and the voxels of one plus those of the other.
    """
    scores = [2 * both / either for both, either in counts.tolist() if either > 0]
    return sum(scores) / len(scores) if scores else 0.0


def _agreement(predicted: Tensor, truth: Tensor) -> Tensor:
    return torch.stack([(predicted & truth).sum(), predicted.sum() + truth.sum()])
