"""`pdac-screening phantom-cohort`: many synthetic CTs with known truth."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.commands.phantom import Grid, add_grid, add_output, output_folder
from PDACScreeningLib.datasets.split import SPLIT_NAME, paper_split, write_split
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.phantom.cohort import VARIANTS, CohortSpec, Range, case_id, case_specifications, generate_cohort
from PDACScreeningLib.terminal.arguments import add_progress, describe, from_arguments, positive
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`phantom-cohort`: many phantoms."""
    describe(
        parser,
        run_cohort,
        description="Writes a folder for each case, cohort.json, split.json. Run again to go on after an interruption.",
        examples=("pdac-screening phantom-cohort --cases 40 --seed 7 --jobs 2 --output cohort",),
    )
    add_output(parser)
    parser.add_argument("--cases", metavar="N", type=positive, required=True, help="how many cases")
    parser.add_argument(
        "--pdac-fraction", metavar="F", type=float, default=0.5, help="share with a tumor (default: 0.5)"
    )
    parser.add_argument(
        "--variant", choices=VARIANTS, default=VARIANTS[0], help="shifted: unusual scanners and phases (default: not)"
    )
    parser.add_argument("--folds", metavar="N", type=positive, default=4, help="of split.json (default: 4)")
    for option, what in (
        ("--phase", "contrast, 0 none to 1 portal venous"),
        ("--noise-hu", "noise, HU"),
        ("--slice-mm", "distance of slices, mm"),
        ("--gland-fat", "share of the gland that is fat, 0.01 to 0.9"),
    ):
        parser.add_argument(
            option, metavar=("LOW", "HIGH"), nargs=2, type=float, help=f"{what}, drawn from a range (default: as usual)"
        )
    add_grid(parser)
    parser.add_argument("--jobs", metavar="J", type=positive, default=1, help="processes side by side (default: 1)")
    add_progress(parser)


@dataclass(frozen=True)
class CohortRequest:
    """Many phantoms."""

    output: Path
    seed: int
    cases: int
    pdac_fraction: float
    variant: str
    grid: Grid
    jobs: int
    folds: int = 4
    phase: Sequence[float] | None = None
    noise_hu: Sequence[float] | None = None
    slice_mm: Sequence[float] | None = None
    gland_fat: Sequence[float] | None = None


def run_cohort(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Write many phantoms, or the ones that are missing. Raises UsageError when the values make no cohort."""
    request = from_arguments(CohortRequest, arguments, grid=Grid(arguments.shape, arguments.spacing))
    try:
        cohort = CohortSpec(
            cases=request.cases,
            pdac_fraction=request.pdac_fraction,
            seed=request.seed,
            variant=request.variant,
            shape=request.grid.shape,
            spacing_mm=request.grid.spacing_mm,
            phase=_range(request.phase),
            noise_hu=_range(request.noise_hu),
            slice_mm=_range(request.slice_mm),
            gland_fat=_range(request.gland_fat),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    listing = generate_cohort(cohort, output_folder(request.output), request.jobs, interruption.hook(display.progress))
    text = f"{request.cases} phantoms listed in {listing}\n{_write_split(cohort, request)}"
    display.result(text, {"output": str(request.output)})
    return DONE


def _range(typed: Sequence[float] | None) -> Range | None:
    return None if typed is None else (typed[0], typed[1])


def _write_split(cohort: CohortSpec, request: CohortRequest) -> str:
    """Write split.json beside the list; returns what to say of it."""
    cases = case_specifications(cohort)
    pdac = [case_id(case) for case in cases if case.tumor is not None]
    normal = [case_id(case) for case in cases if case.tumor is None]
    try:
        split = paper_split(pdac, normal, folds=request.folds, seed=request.seed)
    except ValueError as error:
        return f"no split file: {error}"
    path = write_split(split, request.output / SPLIT_NAME)
    trained, tested = len(split.always_train), len(split.always_test)
    return f"{path}: {len(pdac)} PDAC in {request.folds} folds, {trained} normals to train on and {tested} to test on"
