"""Arguments of `prepare`: from cases to a case store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import add_command, add_progress
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display


def add_prepare_parser(commands: Any) -> None:
    """`prepare`: cases to a case store."""
    parser = add_command(
        commands,
        "prepare",
        _run_prepare,
        summary="check cases and write them as a case store for training",
        description="Reads a phantom cohort, checks every case and writes it on the working grid.",
        examples=("pdac-screening prepare cohort --working-spacing-mm 2.5 --output store",),
    )
    parser.add_argument("cohort", type=Path, help="folder made by `pdac-screening phantom-cohort`")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="store folder to write")
    parser.add_argument(
        "--working-spacing-mm",
        metavar="MM",
        type=_spacing,
        default=1.0,
        help="isotropic grid, or 'native' (default: 1)",
    )
    add_progress(parser)


def _spacing(text: str) -> float | None:
    """Millimetres, or None for 'native'. Raises ArgumentTypeError."""
    if text == "native":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 10:
        raise argparse.ArgumentTypeError(f"expected 0.1 to 10 mm or 'native', got {text}")
    return value


def _run_prepare(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    from PDACScreeningLib.commands.preparing import run_prepare

    spacing_mm = arguments.working_spacing_mm
    return run_prepare(arguments.cohort, arguments.output, spacing_mm, display, interruption)
