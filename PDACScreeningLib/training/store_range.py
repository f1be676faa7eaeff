"""What the scans of a store are like, for the model that learned from them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.training.case_store import Case, CaseStore
from PDACScreeningLib.training.trained_networks import TrainedNetworks
from PDACScreeningLib.training_range import ScanTraits, TrainingRange, scan_traits, training_range


def store_range(store: CaseStore, on_progress: OnProgress) -> TrainingRange | None:
    """Measure every case by its true labels; None where the store tells nothing. Raises DataError for damaged cases."""
    return training_range(_measured(store, on_progress))


def learned_range(trained: TrainedNetworks, store: CaseStore, on_progress: OnProgress) -> TrainingRange | None:
    """As `store_range`, of the store that networks learned from. Raises DataError, ModelError for another store."""
    if {facts.get("store_sha256") for facts in trained.training.values()} != {store.sha256}:
        raise ModelError(
            f"the networks were trained on another store than {store.folder}, or on a part of it: its scans are not "
            "those they saw"
        )
    return store_range(store, on_progress)


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
