"""The mini-batches of a training: which patches iteration t sees follows from (seed, patch size, t) alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from PDACScreeningLib.errors import DataError, UsageError
from PDACScreeningLib.network.deep_supervision import class_frequencies
from PDACScreeningLib.progress import OnProgress
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import Case, CaseStore
from PDACScreeningLib.training.cases_on_device import BYTES_A_VOXEL, CasesOnDevice, UncutBatch, voxels_of
from PDACScreeningLib.training.intensity_augmentation import changed_brightness
from PDACScreeningLib.training.patch_sampling import PatchBatch, PatchSampler
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.run_record import TrainingRun

_LARGEST_SHARE = 1 / 3  # of a GPU's free memory for the cases: the rest is the network's and that of its gradients
_PRIOR_PATCHES = 64  # patches whose class frequencies start the heads


class PatchSource:
    """Draws patches of one size from a store, this rank's part of each mini-batch.

    Raises DataError when the store has another grid than the configuration, ValueError when the mini-batch does not
    divide among the ranks.
    """

    def __init__(self, run: TrainingRun, store: CaseStore, ranks: Ranks) -> None:
        _require_same_grid(run, store)
        self._on_device: CasesOnDevice | None = None
        self._run, self._part = run, ranks.part_of(run.scale.batch_size)
        config, size = run.config, run.scale.patch_size
        self._sampler = PatchSampler(store.cases, size, config.sampling, _roi_share(run), symmetries=config.symmetries)

    def cut_on(self, cases: CasesOnDevice | None) -> None:
        """From now on cut the patches of the training from cases on a device; None: on the processor."""
        self._on_device = cases

    def training_batch(self, iteration: int) -> PatchBatch | UncutBatch:
        """The patches of an iteration."""
        config, size = self._run.config, self._run.scale.batch_size
        has_begun = iteration >= config.augmentation_start
        augment = config.augmentation and has_begun
        rng = self._stream("training/patches", iteration)
        if self._on_device is not None:
            return self._on_device.uncut(self._sampler.draw(rng, size, augment=augment, part=self._part))
        batch = self._sampler.sample(rng, size, augment=augment, part=self._part)
        if has_begun and not config.intensity_augmentation.is_off:
            return self._with_other_brightness(batch, iteration)
        return batch

    def validation_batch(self, index: int) -> PatchBatch:
        """Patches to validate on, the same at every validation."""
        rng = self._stream("validation/patches", index)
        return self._sampler.sample(rng, self._run.scale.batch_size, augment=False, part=self._part)

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

    def _stream(self, name: str, counter: int) -> np.random.Generator:
        return stream(self._run.config.seed, name, self._run.scale.patch_size, counter)


def cases_on_device(run: TrainingRun, cases: Sequence[Case], on_progress: OnProgress) -> CasesOnDevice | None:
    """The cases on the device of a training, or None where its patches are cut on the processor.

    With `auto` they go to a GPU when they take at most a third of its free memory. A change of brightness is computed
    on the processor, so its patches are cut there. Raises UsageError when both are asked for, MemoryShort, DataError.
    """
    changes_brightness = not run.config.intensity_augmentation.is_off
    if run.patches_on == "device" and changes_brightness:
        raise UsageError("--patches-on device: patches whose brightness is changed are cut on the processor")
    if run.patches_on == "processor" or changes_brightness:
        return None
    needed = BYTES_A_VOXEL * voxels_of(cases, run.scale.patch_size)
    if run.patches_on == "auto" and needed > _LARGEST_SHARE * _free_bytes(run.runtime.device):
        return None
    return CasesOnDevice(cases, run.scale.patch_size, run.runtime.device, on_progress)


def _roi_share(run: TrainingRun) -> float:
    """Only the coarse network sees the whole volume when it is used, so only it learns from all of it."""
    is_coarse = run.scale.patch_size == run.config.screening.scales[0].patch_size
    return run.config.sampling.coarse_roi_share if is_coarse else 1.0


def _require_same_grid(run: TrainingRun, store: CaseStore) -> None:
    store.index.require_window(run.config.screening.intensity)
    stored, wanted = store.index.working_spacing_mm, run.config.screening.working_spacing_mm
    if stored != wanted:
        raise DataError(f"the store was prepared at {stored} mm, the configuration says {wanted} mm; prepare it again")


def _free_bytes(device: str) -> int:
    """Of a GPU; 0 elsewhere, where the cases lie in the memory of the processor already."""
    return int(torch.cuda.mem_get_info()[0]) if device == "cuda" else 0
