"""What the scans of a store are like, for the model that learned from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from PDACScreeningLib.datasets.split import Split
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.training.case_store import Case, CaseStore
from PDACScreeningLib.training.trained_networks import TrainedNetworks
from PDACScreeningLib.training_range import ScanTraits, TrainingRange, scan_traits, training_range

NOTHING_KNOWN = "In no scan of the store could the gland be measured: a scan unlike them will not be told as such."
SIZES_NOT_KNOWN = (
    "The store does not know the voxel sizes of its scans, as one of an earlier version: a scan with thicker slices "
    "than those will not be told as unlike them; prepare it again with this version, and train on that."
)


def store_range(store: CaseStore, on_progress: OnProgress) -> TrainingRange | None:
    """Measure every case by its true labels; None where the store tells nothing. Raises DataError for damaged cases."""
    return training_range(_measured(store, on_progress))


def learned_range(
    trained: TrainedNetworks, folder: Path, split: Split | None, on_progress: OnProgress, notify: Callable[[str], None]
) -> TrainingRange | None:
    """As `store_range`, of the cases that networks learned from.

    folder: of the store. split: of the training, where it saw a part of the store; the fold is found by its digest.
    notify: told what cannot be measured, and what follows from it.
    Raises DataError, ModelError when the networks learned from other cases.
    """
    learned = {facts.get("store_sha256") for facts in trained.training.values()}
    parts = [None] if split is None else [split.train_patients(fold) for fold in range(len(split.folds))]
    for patients in parts:
        store = CaseStore(folder, patients)
        if learned == {store.sha256}:
            seen = store_range(store, on_progress)
            if seen is None or seen.coarsest_mm is None:
                notify(NOTHING_KNOWN if seen is None else SIZES_NOT_KNOWN)
            return seen
    raise ModelError(
        f"the networks were trained on other cases than those of {folder}"
        + (" or on a part of them, which --split names" if split is None else ", or than this split's")
    )


def _measured(store: CaseStore, on_progress: OnProgress) -> Iterator[ScanTraits]:
    for number, case in enumerate(store.cases):
        on_progress(Progress("measuring the training scans", number, len(store.cases)))
        yield _traits(case)


def _traits(case: Case) -> ScanTraits:
    """Of the box of the gland alone, which is all that is read."""
    there = case.facts.gland.slices
    truth = case.native_truth
    spacing = None if truth is None else truth.geometry.spacing_mm
    return scan_traits(np.asarray(case.labels[there]), np.asarray(case.hu[there]), spacing)
