"""What the scans of a store are like, for the model that learned from them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.training.case_store import Case, CaseStore
from PDACScreeningLib.training_range import ScanTraits, TrainingRange, scan_traits, training_range


def store_range(store: CaseStore, on_progress: OnProgress) -> TrainingRange | None:
    """Measure every case by its true labels; None where the store tells nothing. Raises DataError for damaged cases."""
    return training_range(_measured(store, on_progress))


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
