"""How a network in training judges whole scans, false alarms of normals included (ADR 0012)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from PDACScreeningLib.config import ScaleSpec, ScreeningConfig
from PDACScreeningLib.inference.coarse_to_fine import most_likely_labels, windows_of
from PDACScreeningLib.inference.postprocessing import filter_components
from PDACScreeningLib.inference.sliding_window import WindowNetwork, scan
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import Case
from PDACScreeningLib.volume.label_map import Label

OVERLAPS_FROM = 0.1  # Dice of a tumor that counts as found and not only called

_FIELDS = 9  # of `_counted`


@dataclass(frozen=True)
class ScanFigures:
    """What one network alone says about whole scans. Dice are of all voxels of all scans together."""

    with_tumor: int
    called: int  # of these, with at least K tumor voxels anywhere
    called_and_overlapping: int  # of these, with a Dice of at least 0.1
    without_tumor: int
    false_alarms: int
    pancreas_dice: float
    tumor_dice: float

    @property
    def mean_dice(self) -> float:
        """Of pancreas and tumor; false alarms count, because they are tumor voxels without a tumor."""
        return (self.pancreas_dice + self.tumor_dice) / 2


@dataclass(frozen=True)
class Validated:
    """One validation. scans: None where patches were judged."""

    mean_dice: float
    scans: ScanFigures | None = None


def scans_to_watch(cases: Sequence[Case], count: int, seed: int) -> tuple[Case, ...]:
    """Up to so many cases, half of them with a tumor where there are enough; the same for the same seed and cases."""
    order = stream(seed, "validation/scans").permutation(len(cases))
    ordered = [cases[index] for index in order]
    with_tumor = [case for case in ordered if case.facts.tumor_voxels > 0]
    without = [case for case in ordered if case.facts.tumor_voxels == 0]
    tumors = min(len(with_tumor), max(count - count // 2, count - len(without)))
    return (*with_tumor[:tumors], *without[: count - tumors])


def counts_of_scan(case: Case, network: WindowNetwork, scale: ScaleSpec, config: ScreeningConfig) -> Tensor:
    """What one scan adds to the sums that `figures` reads: int64 (9,)."""
    labels, truth = segmented_scan(case, network, scale, config)
    agreements = [_agreement(labels == label, truth == label) for label in (Label.PANCREAS, Label.TUMOR)]
    has_tumor = case.facts.tumor_voxels > 0
    called = int(np.count_nonzero(labels == Label.TUMOR)) >= config.decision.min_tumor_voxels
    both, either = agreements[1]
    overlaps = called and has_tumor and 2 * both >= OVERLAPS_FROM * either
    return torch.tensor(
        [
            has_tumor,
            has_tumor and called,
            overlaps,
            not has_tumor,
            called and not has_tumor,
            *agreements[0],
            both,
            either,
        ]
    ).long()


def no_counts() -> Tensor:
    """The sums of no scan."""
    return torch.zeros(_FIELDS, dtype=torch.int64)


def figures(counts: Tensor) -> ScanFigures:
    """Of the sums over scans."""
    with_tumor, called, overlaps, without, alarms, *voxels = (int(count) for count in counts)
    pancreas, tumor = _dice(*voxels[:2]), _dice(*voxels[2:])
    return ScanFigures(with_tumor, called, overlaps, without, alarms, pancreas, tumor)


def segmented_scan(
    case: Case, network: WindowNetwork, scale: ScaleSpec, config: ScreeningConfig
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Labels of the network and true ones, of what this network sees in use: the whole scan, or the true ROI."""
    is_coarse = scale.patch_size == config.scales[0].patch_size
    whole = (slice(None), slice(None), slice(None))
    part = whole if is_coarse else case.facts.gland.padded(config.roi_margin_voxels, case.facts.shape).slices
    hu, truth = np.ascontiguousarray(case.hu[part]), np.asarray(case.labels[part])
    windows = windows_of(scale, config, "fast")
    seen = scan(hu, network, scale, config, stage="validation", on_progress=ignore_progress, windows=windows)
    labels = filter_components(most_likely_labels(seen.foreground), config.components)
    return labels, truth


def _agreement(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[int, int]:
    """Voxels in both masks, and those of one plus those of the other."""
    return int(np.count_nonzero(one & other)), int(np.count_nonzero(one)) + int(np.count_nonzero(other))


def _dice(both: int, either: int) -> float:
    """0 where nothing is there and nothing was found, as nothing speaks for the network then."""
    return 2 * both / either if either else 0.0
