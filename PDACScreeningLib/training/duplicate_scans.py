"""One scan under several names: kept once, and its patients are one patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PDACScreeningLib.training.store_index import StoredCase


@dataclass(frozen=True)
class DuplicateScan:
    """Two cases with the same voxels; `first` stood earlier in the list of cases."""

    first: StoredCase
    second: StoredCase

    @property
    def reason(self) -> str:
        """Why the second case is refused."""
        return (
            f"it is the same scan as {self.first.case_id} (the same voxels); one scan is never trained on and tested "
            "under two names"
        )

    @property
    def disagreement(self) -> str:
        """What the two truths say differently about a tumor; empty when they agree."""
        has_tumor = self.first.tumor_voxels > 0
        if has_tumor == (self.second.tumor_voxels > 0):
            return ""
        kept, other = ("a tumor", "none") if has_tumor else ("no tumor", "one")
        return f"its truth has {kept}, that of {self.second.case_id}, the same scan, {other}"


def duplicate_scans_of(cases: Sequence[StoredCase]) -> tuple[DuplicateScan, ...]:
    """Every case whose scan has the same voxels as that of an earlier case."""
    first: dict[str, StoredCase] = {}
    found = []
    for case in cases:
        if case.scan_sha256 in first:
            found.append(DuplicateScan(first[case.scan_sha256], case))
        else:
            first[case.scan_sha256] = case
    return tuple(found)


def overruled(twice: Sequence[DuplicateScan], any_mass: frozenset[str]) -> dict[str, str]:
    """Cases that must not stay because another truth of the same scan knows better, with the reason.

    any_mass: data sets that call every mass a tumor. Where one of them says tumor, and another data set that tells PDAC
    from other masses says none, the tumor is most likely no PDAC.
    """
    return {
        pair.first.case_id: f"{pair.disagreement}; {pair.first.dataset} calls any mass a tumor: name "
        f"{pair.second.dataset} first, and its truth is kept"
        for pair in twice
        if pair.disagreement and pair.first.dataset in any_mass and pair.second.dataset not in any_mass
    }


def merged_patients(
    cases: Sequence[StoredCase], twice: Sequence[DuplicateScan]
) -> tuple[tuple[StoredCase, ...], tuple[str, ...]]:
    """The cases with one patient_id for each person, and a sentence for each patient that got another one.

    A patient whose scan is there under another patient's name is that patient, with all further studies.
    """
    known_as: dict[str, str] = {}

    def person(patient: str) -> str:
        while patient in known_as:
            patient = known_as[patient]
        return patient

    for pair in twice:
        own, other = person(pair.second.patient_id), person(pair.first.patient_id)
        if own != other:
            known_as[own] = other
    renamed = sorted({case.patient_id for case in cases} & known_as.keys())
    notes = tuple(f"patient {patient} is {person(patient)}: they share a scan" for patient in renamed)
    return tuple(replace(case, patient_id=person(case.patient_id)) for case in cases), notes
