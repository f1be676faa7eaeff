"""Arguments of `pdac-screening models` and `pdac-screening check`: what is installed here, and does it work."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import add_command, add_device
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display


def add_models_parser(commands: Any) -> None:
    """`models`: what is installed, and what each model rests on."""
    parser = add_command(
        commands,
        "models",
        _run_models,
        summary="list the installed models",
        description="Lists the installed models, what they were trained on and how well they are known to work.",
    )
    _add_json(parser)


def add_check_parser(commands: Any) -> None:
    """`check`: what this machine has, and whether a screening works on it."""
    parser = add_command(
        commands,
        "check",
        _run_check,
        summary="tell what this machine has and test it",
        description="Tells what this machine has (Python, packages, GPU, memory, free disk, models) and runs a\n"
        "self-test of about ten seconds. Exit code 0 when the self-test passes, else 5.",
        examples=("pdac-screening check", "pdac-screening check --device cpu --json"),
    )
    add_device(parser)
    parser.add_argument("--output", metavar="DIR", type=Path, default=Path(), help="folder whose disk is looked at")
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _run_models(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    from PDACScreeningLib.commands.models import run_models

    return run_models(display, as_json=arguments.json)


def _run_check(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    from PDACScreeningLib.commands.check import run_check

    return run_check(display, device=arguments.device, output=arguments.output, as_json=arguments.json)
