"""Which patients a training is validated on: a share of those it may train on, never of the test fold (ADR 0012)."""

from __future__ import annotations

from collections.abc import Sequence

from PDACScreeningLib.config import ValidationSpec
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import CaseStore, StoredCase


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
