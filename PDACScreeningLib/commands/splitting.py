"""What `split` does: who of a case store is trained on and who is tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.commands.guard import DONE
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.datasets.split import Split, holdout_split, paper_split, write_split
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.training.case_store import StoredCase, read_index


@dataclass(frozen=True)
class SplitRequest:
    """What was asked of `split`. test_fraction: a plain split instead of folds."""

    store: Path
    output: Path
    folds: int
    test_fraction: float | None
    seed: int


def run_split(request: SplitRequest, display: Display) -> int:
    """Write a split file by patient, and tell how many stand where. Raises UsageError, DataError, WriteError."""
    cases = read_index(request.store).cases
    pdac = {case.patient_id for case in cases if case.tumor_voxels > 0}
    normal = {case.patient_id for case in cases} - pdac
    try:
        split = _split(sorted(pdac), sorted(normal), request)
    except ValueError as error:
        raise UsageError(str(error)) from error
    path = write_split(split, request.output)
    if warning := _confounded(cases):
        display.notice(warning)
    facts = {"output": str(path), "folds": len(split.folds), "with_tumor": len(pdac), "without_tumor": len(normal)}
    display.result(f"{path}: {len(cases)} cases of {len(pdac | normal)} patients\n{_table(split, pdac)}", facts)
    return DONE


def _split(pdac: Sequence[str], normal: Sequence[str], request: SplitRequest) -> Split:
    if request.test_fraction is not None:
        return holdout_split(pdac, normal, test_fraction=request.test_fraction, seed=request.seed)
    return paper_split(pdac, normal, folds=request.folds, seed=request.seed)


def _table(split: Split, pdac: set[str]) -> str:
    lines = []
    for fold in range(len(split.folds)):
        train, test = split.train_patients(fold), split.test_patients(fold)
        lines.append(
            f"fold {fold}: trains on {len(train & pdac)} patients with a tumor and {len(train - pdac)} without, "
            f"tests {len(test & pdac)} and {len(test - pdac)}"
        )
    return "\n".join(lines)


def _confounded(cases: Sequence[StoredCase]) -> str:
    """A sentence when data sets and tumors go together, so that telling hospitals apart looks like finding tumors."""
    with_tumor = {case.dataset for case in cases if case.tumor_voxels > 0}
    without = {case.dataset for case in cases if case.tumor_voxels == 0}
    if not with_tumor or not without or with_tumor & without:
        return ""
    places = f"all tumors come from {_joined(with_tumor)}, all cases without from {_joined(without)}"
    return f"{places}: telling the data sets apart looks like finding tumors; add cases of both kinds from one place"


def _joined(names: set[str]) -> str:
    return " and ".join(sorted(names))
