"""`pdac-screening check`: what this machine has, and whether a screening works on it."""

from __future__ import annotations

import json
from pathlib import Path

from PDACScreeningLib.commands.guard import DONE, FAILED
from PDACScreeningLib.commands.machine import Machine, machine_text, this_machine
from PDACScreeningLib.commands.models import InstalledModel, installed_models
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.commands.self_test import Step, self_test
from PDACScreeningLib.plain_data import to_plain


def run_check(display: Display, *, device: str, output: Path, as_json: bool) -> int:
    """Show what the machine has and how the self-test went. Returns 0 when every step passed, else 5."""
    machine, models, steps = this_machine(output), installed_models(), self_test(device)
    passed = all(step.passed for step in steps)
    plain = {
        "machine": to_plain(machine),
        "models": to_plain(models),
        "self_test": to_plain(steps),
        "passed": passed,
    }
    display.result(json.dumps(plain, indent=2) if as_json else _text(machine, models, steps, passed=passed), plain)
    return DONE if passed else FAILED


def _text(machine: Machine, models: list[InstalledModel], steps: list[Step], *, passed: bool) -> str:
    names = ", ".join(model.name + (" (damaged)" if model.error else "") for model in models) or "none"
    return "\n".join(
        [
            machine_text(machine),
            f"{'models:':<11}{names}",
            "self-test:",
            *(
                f"  {'ok    ' if step.passed else 'FAILED'}  {step.name} ({step.seconds:.1f} s): {step.detail}"
                for step in steps
            ),
            "This machine can screen." if passed else "A screening would not work here; the lines above say why.",
        ]
    )
