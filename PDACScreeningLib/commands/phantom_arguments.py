"""Arguments of `pdac-screening phantom` and `pdac-screening phantom-cohort`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import add_command, add_progress, natural, positive
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display

VARIANTS = ("in-distribution", "shifted")


def add_phantom_parser(commands: Any) -> None:
    """`phantom`: one synthetic CT with known truth."""
    parser = add_command(
        commands,
        "phantom",
        _run_phantom,
        summary="make a synthetic abdominal CT with known truth",
        description="Writes ct.nii.gz, labels.nii.gz (1 pancreas, 2 tumor) and phantom.json. Same seed, same bytes.",
        examples=(
            "pdac-screening phantom --seed 1 --tumor-diameter-mm 30 --output phantom-1",
            "pdac-screening phantom --seed 2 --normal --shape 192 192 160 --spacing 1.9 1.9 1.5 --output phantom-2",
        ),
    )
    _add_output(parser)
    truth = parser.add_mutually_exclusive_group(required=True)
    truth.add_argument("--normal", action="store_true", help="no tumor")
    truth.add_argument("--tumor-diameter-mm", metavar="D", type=float, help="a tumor of this largest diameter")
    _add_grid(parser)
    parser.add_argument("--phase", metavar="F", type=float, help="contrast: 0 none, 1 portal venous (default: drawn)")
    parser.add_argument("--noise", metavar="HU", type=float, help="standard deviation of the noise (default: drawn)")
    add_progress(parser)


def add_phantom_cohort_parser(commands: Any) -> None:
    """`phantom-cohort`: many phantoms."""
    parser = add_command(
        commands,
        "phantom-cohort",
        _run_cohort,
        summary="make many synthetic CTs with known truth",
        description="Writes a folder for each case, cohort.json, split.json. Run again to go on after an interruption.",
        examples=("pdac-screening phantom-cohort --cases 40 --seed 7 --jobs 2 --output cohort",),
    )
    _add_output(parser)
    parser.add_argument("--cases", metavar="N", type=positive, required=True, help="how many cases")
    parser.add_argument(
        "--pdac-fraction", metavar="F", type=float, default=0.5, help="share with a tumor (default: 0.5)"
    )
    parser.add_argument(
        "--variant", choices=VARIANTS, default=VARIANTS[0], help="shifted: unusual scanners and phases (default: not)"
    )
    parser.add_argument("--folds", metavar="N", type=positive, default=4, help="of split.json (default: 4)")
    _add_grid(parser)
    parser.add_argument("--jobs", metavar="J", type=positive, default=1, help="processes side by side (default: 1)")
    add_progress(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=natural, required=True, help="whole number that decides everything random")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder to write; made if absent")


def _add_grid(parser: argparse.ArgumentParser) -> None:
    axes = ("X", "Y", "Z")
    parser.add_argument(
        "--shape", nargs=3, type=positive, action=_AsTuple, metavar=axes, help="voxels (default: 128 128 96)"
    )
    parser.add_argument(
        "--spacing", nargs=3, type=float, action=_AsTuple, metavar=axes, help="mm (default: 2.9 2.9 2.5)"
    )


class _AsTuple(argparse.Action):
    """Keeps several values as a tuple, which unlike argparse's list is a value."""

    def __call__(self, _parser: Any, namespace: argparse.Namespace, values: Any, _option: Any = None) -> None:
        setattr(namespace, self.dest, tuple(values))


def _run_phantom(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    from PDACScreeningLib.commands.phantom import Grid, PhantomRequest, run_phantom

    request = PhantomRequest(
        output=arguments.output,
        seed=arguments.seed,
        tumor_diameter_mm=arguments.tumor_diameter_mm,
        grid=Grid(arguments.shape, arguments.spacing),
        phase=arguments.phase,
        noise_hu=arguments.noise,
    )
    return run_phantom(request, display, interruption)


def _run_cohort(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    from PDACScreeningLib.commands.phantom import CohortRequest, Grid, run_cohort

    request = CohortRequest(
        output=arguments.output,
        seed=arguments.seed,
        cases=arguments.cases,
        pdac_fraction=arguments.pdac_fraction,
        variant=arguments.variant,
        grid=Grid(arguments.shape, arguments.spacing),
        jobs=arguments.jobs,
        folds=arguments.folds,
    )
    return run_cohort(request, display, interruption)
