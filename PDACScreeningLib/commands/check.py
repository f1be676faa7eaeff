"""`pdac-screening check`: what this machine has, and whether a screening works on it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.commands.models import models_as_data
from PDACScreeningLib.network.model_list import ListedModel, installed_models
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.session.machine import Machine, machine_text, this_machine
from PDACScreeningLib.terminal.arguments import add_device, add_json, describe
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE, FAILED
from PDACScreeningLib.terminal.interruption import Interruption

if TYPE_CHECKING:
    from PDACScreeningLib.session.installation_check import Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    describe(
        parser,
        run_check,
        description="Tells what this machine has (Python, packages, GPU, memory, free disk, models) and runs a\n"
        "self-test of about ten seconds. Exit code 0 when the self-test passes, else 5.",
        examples=(
            "pdac-screening check",
            "pdac-screening check --device cpu --json",
            "pdac-screening check --no-self-test",
        ),
    )
    add_device(parser)
    parser.add_argument(
        "--no-self-test",
        dest="self_test",
        action="store_false",
        help="only tell what is there, at once: without torch, so that GPUs are not looked for",
    )
    parser.add_argument("--output", metavar="DIR", type=Path, default=Path(), help="folder whose disk is looked at")
    add_json(parser)


def run_check(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Show what the machine has and how the self-test went. Returns 0 when every step passed, else 5.

    Without the self-test nothing is known of it: `passed` is None, and the exit code is 0.
    """
    models, machine = installed_models(), this_machine(arguments.output, gpus=arguments.self_test)
    steps = _self_test(arguments.device) if arguments.self_test else []
    passed = all(step.passed for step in steps) if arguments.self_test else None
    plain = {
        "machine": to_plain(machine),
        "models": models_as_data(models),
        "self_test": to_plain(steps),
        "passed": passed,
    }
    shown = json.dumps(plain, indent=2) if arguments.json else _text(machine, models, steps, passed=passed)
    display.result(shown, plain)
    return FAILED if passed is False else DONE


def _self_test(device: str) -> list[Step]:
    from PDACScreeningLib.session.installation_check import installation_check  # torch and all that a screening needs

    return installation_check(device)


def _text(machine: Machine, models: Sequence[ListedModel], steps: Sequence[Step], *, passed: bool | None) -> str:
    names = ", ".join(model.wish + ("" if model.is_usable else " (damaged)") for model in models) or "none"
    told = [machine_text(machine), f"{'models:':<11}{names}"]
    if passed is None:
        return "\n".join([*told, "self-test: left out"])
    return "\n".join(
        [
            *told,
            "self-test:",
            *(
                f"  {'ok    ' if step.passed else 'FAILED'}  {step.name} ({step.seconds:.1f} s): {step.detail}"
                for step in steps
            ),
            "This machine can screen." if passed else "A screening would not work here; the lines above say why.",
        ]
    )
