"""Arguments of `publish` and `evaluate`: from trained networks to a model and to what it is worth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import add_command, add_device, add_progress, positive
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display


def add_publish_parser(commands: Any) -> None:
    """`publish`: finished trainings to a model folder."""
    parser = add_command(
        commands,
        "publish",
        _run_publish,
        summary="put the trained networks into a model folder",
        description="Writes weights.safetensors and model.json from the checkpoints of a run folder.",
        examples=(
            "pdac-screening publish run --name demo-phantom --demo --trained-on '240 synthetic phantoms' "
            "--notice 'demo model, trained on synthetic phantoms only' --output Resources/Models/demo-phantom",
        ),
    )
    parser.add_argument("trained", type=Path, metavar="RUN", help="run folder of `pdac-screening train`")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="model folder to write")
    parser.add_argument("--name", required=True, help="name for --model")
    parser.add_argument("--trained-on", metavar="SENTENCE", required=True, help="what the model was trained on")
    parser.add_argument("--notice", metavar="SENTENCE", default="", help="shown on every output")
    parser.add_argument("--performance", metavar="SENTENCE", default="", help="measured figures, and on what")
    parser.add_argument("--demo", action="store_true", help="a demo: never used without being asked for")
    add_progress(parser)


def add_evaluate_parser(commands: Any) -> None:
    """`evaluate`: a model on a case store."""
    parser = add_command(
        commands,
        "evaluate",
        _run_evaluate,
        summary="compare a model with the truth: Table 1 of the paper",
        description="Screens every case of a store; writes experiment.json and table1.md with 95 %% intervals.",
        examples=("pdac-screening evaluate held-out-store --model demo-phantom --output evaluation",),
    )
    parser.add_argument("store", type=Path, help="folder made by `pdac-screening prepare`; cases never trained on")
    parser.add_argument("--model", metavar="NAME|DIR", required=True, help="installed model or model folder")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder to write")
    parser.add_argument("--threads", metavar="N", type=positive, help="CPU threads (default: all cores)")
    add_device(parser)
    add_progress(parser)


def _run_publish(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    from PDACScreeningLib.commands.publishing import PublishRequest, run_publish

    request = PublishRequest(
        run=arguments.trained,
        output=arguments.output,
        name=arguments.name,
        trained_on=arguments.trained_on,
        notice=arguments.notice,
        performance=arguments.performance,
        is_demo=arguments.demo,
    )
    return run_publish(request, display)


def _run_evaluate(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    from PDACScreeningLib.commands.evaluation import EvaluateRequest, run_evaluate

    request = EvaluateRequest(arguments.store, arguments.model, arguments.output, arguments.device, arguments.threads)
    return run_evaluate(request, display, interruption)
