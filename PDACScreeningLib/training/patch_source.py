"""The mini-batches of a training: which patches iteration t sees follows from (seed, patch size, t) alone."""

from __future__ import annotations

import numpy as np
import torch

from PDACScreeningLib.errors import DataError
from PDACScreeningLib.network.deep_supervision import class_frequencies
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.intensity_augmentation import changed_brightness
from PDACScreeningLib.training.patch_sampling import PatchBatch, PatchSampler
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.run_record import TrainingRun

_PRIOR_PATCHES = 64  # patches whose class frequencies start the heads


class PatchSource:
    """Draws patches of one size from a store, this rank's part of each mini-batch.

    Raises DataError when the store has another grid than the configuration, ValueError when the mini-batch does not
    divide among the ranks.
    """

    def __init__(self, run: TrainingRun, store: CaseStore, ranks: Ranks) -> None:
        _require_same_grid(run, store)
        self._run, self._part = run, ranks.part_of(run.scale.batch_size)
        config, size = run.config, run.scale.patch_size
        self._sampler = PatchSampler(store.cases, size, config.sampling, _roi_share(run), symmetries=config.symmetries)

    def training_batch(self, iteration: int) -> PatchBatch:
        """The patches of an iteration."""
        config = self._run.config
        has_begun = iteration >= config.augmentation_start
        batch = self._draw("training/patches", iteration, augment=config.augmentation and has_begun)
        if has_begun and not config.intensity_augmentation.is_off:
            return self._with_other_brightness(batch, iteration)
        return batch

    def validation_batch(self, index: int) -> PatchBatch:
        """Patches to validate on, the same at every validation."""
        return self._draw("validation/patches", index, augment=False)

    def class_prior(self) -> tuple[float, float, float]:
        """Frequencies of background, pancreas and tumor in patches; the same on every rank."""
        rng = stream(self._run.config.seed, "training/prior", self._run.scale.patch_size)
        labels = self._sampler.sample(rng, _PRIOR_PATCHES, augment=False).labels
        return class_frequencies(torch.from_numpy(labels).long())

    def _with_other_brightness(self, batch: PatchBatch, iteration: int) -> PatchBatch:
        """Each patch by a stream of its own, named by its place in the whole mini-batch, so that ranks agree."""
        config, size = self._run.config, self._run.scale.patch_size
        slots = range(self._run.scale.batch_size)[self._part]
        changed = [
            changed_brightness(
                hu,
                config.intensity_augmentation,
                config.screening.intensity.mean_hu,
                stream(config.seed, "training/brightness", size, iteration, slot),
            )
            for hu, slot in zip(batch.hu, slots, strict=True)
        ]
        return PatchBatch(np.stack(changed), batch.labels)

    def _draw(self, name: str, counter: int, *, augment: bool) -> PatchBatch:
        rng = stream(self._run.config.seed, name, self._run.scale.patch_size, counter)
        return self._sampler.sample(rng, self._run.scale.batch_size, augment=augment, part=self._part)


def _roi_share(run: TrainingRun) -> float:
    """Only the coarse network sees the whole volume when it is used, so only it learns from all of it."""
    is_coarse = run.scale.patch_size == run.config.screening.scales[0].patch_size
    return run.config.sampling.coarse_roi_share if is_coarse else 1.0


def _require_same_grid(run: TrainingRun, store: CaseStore) -> None:
    store.index.require_window(run.config.screening.intensity)
    stored, wanted = store.index.working_spacing_mm, run.config.screening.working_spacing_mm
    if stored != wanted:
        raise DataError(f"the store was prepared at {stored} mm, the configuration says {wanted} mm; prepare it again")
