"""Which model reads which case: always one of a fold that never saw the patient (section 3.1).

"We adopt a 4-fold cross-validation on our 136 PDAC scans to have testing results on every abnormal case while we use a
hard split of training and testing on our 303 normal cases."
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.datasets.split import Split
from PDACScreeningLib.evaluation.settings import Normals
from PDACScreeningLib.training.store_index import StoredCase


@dataclass(frozen=True)
class Assignment:
    """A case and the fold whose model reads it. fold None: there is one model and no split.

    name: of the reading's files; it tells the fold only where one case is read by several.
    """

    name: str
    case_id: str
    patient_id: str
    fold: int | None

    @property
    def model(self) -> int:
        """Place of the model among those given."""
        return self.fold or 0


def without_split(cases: Sequence[StoredCase]) -> tuple[Assignment, ...]:
    """Every case is read by the one model."""
    return tuple(Assignment(case.case_id, case.case_id, case.patient_id, None) for case in cases)


def by_split(cases: Sequence[StoredCase], split: Split, normals: Normals) -> tuple[Assignment, ...]:
    """The cases of a split's testing sets, in the order of the store; all others are left out.

    A patient of a fold is read by that fold's model. A patient whom every fold may test (the paper's 200 normals) is
    read in rotation, patient by patient, so that each counts once; or by every fold, as the paper seems to have done.
    """
    folds = _reading_folds(split, normals)
    return tuple(
        Assignment(_name(case, fold, folds), case.case_id, case.patient_id, fold)
        for case in cases
        for fold in folds.get(case.patient_id, ())
    )


def patients_tested(split: Split) -> frozenset[str]:
    """Everybody who is tested in some fold."""
    return frozenset(patient for fold in range(len(split.folds)) for patient in split.test_patients(fold))


def _reading_folds(split: Split, normals: Normals) -> dict[str, tuple[int, ...]]:
    """The folds that read each tested patient."""
    every = tuple(range(len(split.folds)))
    folds: dict[str, tuple[int, ...]] = {patient: (fold,) for fold in every for patient in split.folds[fold]}
    for place, patient in enumerate(split.always_test):
        folds[patient] = every if normals == "every-fold" else (place % len(every),)
    return folds


def _name(case: StoredCase, fold: int, folds: dict[str, tuple[int, ...]]) -> str:
    return case.case_id if len(folds[case.patient_id]) == 1 else f"{case.case_id}.fold-{fold}"
