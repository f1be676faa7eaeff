"""`pdac-screening split`: who of a case store is trained on and who is tested."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.datasets.split import Split, holdout_split, paper_split, write_split
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.terminal.arguments import add_progress, describe, from_arguments, natural, positive
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption
from PDACScreeningLib.training.store_index import StoredCase, read_index


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`split`: a split file of a case store."""
    describe(
        parser,
        run_split,
        description="Writes a split file by patient. By default the paper's protocol: patients with a tumor in folds,\n"
        "the others split once, about as many of them to train on as patients with a tumor.",
        examples=(
            "pdac-screening split store --folds 4 --output split.json",
            "pdac-screening split store --test-fraction 0.2 --seed 1 --output split.json",
        ),
    )
    parser.add_argument("store", type=Path, help="folder made by `pdac-screening prepare`")
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="split file to write")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--folds", metavar="N", type=positive, default=4, help="cross-validation (default: 4)")
    kind.add_argument("--test-fraction", metavar="F", type=float, help="share to test, in place of folds")
    parser.add_argument("--seed", type=natural, default=0, help="decides who stands where (default: 0)")
    add_progress(parser)


@dataclass(frozen=True)
class SplitRequest:
    """What was asked of `split`. test_fraction: a plain split instead of folds."""

    store: Path
    output: Path
    folds: int
    test_fraction: float | None
    seed: int


def run_split(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Write a split file by patient, and tell how many stand where. Raises UsageError, DataError, WriteError."""
    request = from_arguments(SplitRequest, arguments)
    cases = read_index(request.store).cases
    pdac = {case.patient_id for case in cases if case.tumor_voxels > 0}
    normal = {case.patient_id for case in cases} - pdac
    try:
        split = _split(sorted(pdac), sorted(normal), request, {case.patient_id: case.dataset for case in cases})
    except ValueError as error:
        raise UsageError(str(error)) from error
    path = write_split(split, request.output)
    if warning := _confounded(cases):
        display.notice(warning)
    facts = {"output": str(path), "folds": len(split.folds), "with_tumor": len(pdac), "without_tumor": len(normal)}
    display.result(f"{path}: {len(cases)} cases of {len(pdac | normal)} patients\n{_table(split, pdac)}", facts)
    return DONE


def _split(pdac: Sequence[str], normal: Sequence[str], request: SplitRequest, places: Mapping[str, str]) -> Split:
    """places: the data set of each patient, so that every part gets its share of each."""
    if request.test_fraction is not None:
        return holdout_split(pdac, normal, test_fraction=request.test_fraction, seed=request.seed, places=places)
    return paper_split(pdac, normal, folds=request.folds, seed=request.seed, places=places)


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
