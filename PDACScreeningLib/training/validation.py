"""How good a network in training is on patients it does not learn from: fixed patches, or whole scans (ADR 0012)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from PDACScreeningLib.config import ScreeningConfig, ValidationSpec
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.network.rank_sum import sum_over_ranks
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import Case, CaseStore
from PDACScreeningLib.training.patch_source import PatchSource
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.scan_validation import ScanFigures, Validated, counts_of_scan, figures, no_counts
from PDACScreeningLib.training.step import StepSpec, autocast, to_device
from PDACScreeningLib.training.store_index import StoredCase
from PDACScreeningLib.volume.label_map import Label

_FOREGROUND = (Label.PANCREAS, Label.TUMOR)


@dataclass(frozen=True)
class Validation:
    """What a training is validated on, and how. scans: whole ones, instead of patches; none = patches."""

    source: PatchSource  # of the validation patients
    step: StepSpec
    spec: ValidationSpec
    scans: tuple[Case, ...]
    screening: ScreeningConfig
    ranks: Ranks

    def of(self, network: SegmentationNetwork) -> Validated:
        """Judge the network as it is now; it is in evaluation mode afterwards."""
        if not self.scans:
            return Validated(self.mean_dice(network))
        seen = self.scan_figures(network)
        return Validated(seen.mean_dice, seen)

    def scan_figures(self, network: SegmentationNetwork) -> ScanFigures:
        """Whole scans, shared out among the ranks, with the windows of the fast protocol (ADR 0017)."""
        predictor = WindowPredictor(network, self.step.runtime)
        counts = no_counts()
        for case in self.scans[self.ranks.rank :: self.ranks.count]:
            counts += counts_of_scan(case, predictor, self.step.scale, self.screening)
        return figures(sum_over_ranks(counts))

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


def validation_patients(cases: Sequence[StoredCase], patient_share: float, seed: int) -> frozenset[str]:
    """The patients set aside: the share of those with a tumor, and of those without, at least one where there are two.

    All cases of a patient stay together. Raises DataError when that leaves none to validate on.
    """
    patients = {case.patient_id for case in cases}
    with_tumor = {case.patient_id for case in cases if case.tumor_voxels > 0}
    chosen = _share_of(with_tumor, patient_share, seed, "tumor")
    chosen |= _share_of(patients - with_tumor, patient_share, seed, "normal")
    if not chosen:
        raise DataError(
            "a validation needs at least two patients with a tumor or two without; train without --validation-every"
        )
    return frozenset(chosen)


def split_store(store: CaseStore, spec: ValidationSpec, seed: int) -> tuple[CaseStore, CaseStore | None]:
    """What to learn from and what to validate on, by patient; all of it and None without validation.

    store: what may be trained on. Raises DataError when there are too few patients.
    """
    if spec.every == 0:
        return store, None
    apart = validation_patients(store.index.cases, spec.patient_share, seed)
    learned = frozenset(case.patient_id for case in store.index.cases) - apart
    return CaseStore(store.folder, learned), CaseStore(store.folder, apart)


def _share_of(patients: set[str], share: float, seed: int, kind: str) -> set[str]:
    """Drawn so that it depends on the seed and on who the patients are, not on their order."""
    if len(patients) < 2:
        return set()
    count = min(max(1, round(share * len(patients))), len(patients) - 1)
    order = stream(seed, f"validation/patients/{kind}").permutation(len(patients))
    return {sorted(patients)[index] for index in order[:count]}
