"""Arguments of `publish` and `evaluate`: from trained networks to a model and to what it is worth."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import (
    add_command,
    add_device,
    add_progress,
    add_protocol,
    folder_to_write,
    positive,
    thread_count,
)
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.evaluation.settings import NORMALS, ReadingSettings, StatisticsSettings


def add_publish_parser(commands: Any) -> None:
    """`publish`: finished trainings to a model folder."""
    parser = add_command(
        commands,
        "publish",
        _run_publish,
        summary="put the trained networks into a model folder",
        description="Writes weights.safetensors, model.json and a model card from the checkpoints of a run folder.",
        examples=(
            "pdac-screening publish run --name demo-phantom --demo --trained-on '240 synthetic phantoms' "
            "--notice 'demo model, trained on synthetic phantoms only' --output Resources/Models/demo-phantom",
            "pdac-screening publish run --name my-model --trained-on '...' --performance-from "
            "evaluation/experiment.json --output my-model",
        ),
    )
    parser.add_argument("trained", type=Path, metavar="RUN", help="run folder of `pdac-screening train`")
    parser.add_argument("--output", metavar="DIR", type=folder_to_write, required=True, help="model folder to write")
    parser.add_argument("--name", required=True, type=_words, help="name of the model on every output")
    parser.add_argument(
        "--trained-on", metavar="SENTENCE", required=True, type=_words, help="what the model was trained on"
    )
    parser.add_argument("--notice", metavar="SENTENCE", default="", help="shown on every output")
    performance = parser.add_mutually_exclusive_group()
    performance.add_argument("--performance", metavar="SENTENCE", default="", help="measured figures, and on what")
    performance.add_argument(
        "--performance-from",
        metavar="FILE",
        type=Path,
        help="experiment.json of `pdac-screening evaluate`; its figures go into model.json and the model card",
    )
    parser.add_argument("--demo", action="store_true", help="a demo: never used without being asked for")
    add_progress(parser)


def add_evaluate_parser(commands: Any) -> None:
    """`evaluate`: models on a case store."""
    parser = add_command(
        commands,
        "evaluate",
        _run_evaluate,
        summary="compare a model with the truth: section 3 of the paper",
        description="Reads every case of a store and compares it with the truth: Table 1, ROC and more, with 95 %\n"
        "intervals, as experiment.json, report.html, report.md and plots. Readings are kept as they are made: run it\n"
        "again to go on where it stopped, or to compute the figures anew in seconds.",
        examples=(
            "pdac-screening evaluate held-out-store --model demo-phantom --output evaluation",
            "pdac-screening evaluate store --split cohort/split.json --model fold0 --model fold1 --model fold2 "
            "--model fold3 --jobs 2 --output evaluation",
        ),
    )
    parser.add_argument("store", type=Path, help="folder made by `pdac-screening prepare`; cases never trained on")
    parser.add_argument(
        "--model",
        metavar="NAME|DIR",
        action="append",
        required=True,
        help="installed model or model folder; with --split once for each fold, in order",
    )
    parser.add_argument("--output", metavar="DIR", type=folder_to_write, required=True, help="folder to write")
    parser.add_argument("--split", metavar="FILE", type=Path, help="split file; each case is read by a fold's model")
    parser.add_argument(
        "--normals",
        choices=NORMALS,
        default="rotation",
        help="who reads patients that every fold may test: one fold each in turn, or all (default: rotation)",
    )
    parser.add_argument(
        "--ablation",
        choices=("whole-volume",),
        help="also run the small networks over the whole volume instead of the ROI; slow",
    )
    parser.add_argument(
        "--prevalence",
        metavar="P",
        type=_prevalence,
        action="append",
        help="share of people with the disease for which predictive values are told; may be repeated "
        f"(default: {', '.join(f'{value:g}' for value in StatisticsSettings().prevalences)})",
    )
    parser.add_argument("--jobs", metavar="N", type=positive, default=1, help="processes of one thread (default: 1)")
    parser.add_argument("--threads", metavar="N", type=thread_count, help="CPU threads of one job (default: all cores)")
    add_protocol(parser)
    add_device(parser)
    add_progress(parser)


def _words(text: str) -> str:
    """Text that says something. Raises ArgumentTypeError."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected words, got nothing")
    return text


def _prevalence(text: str) -> float:
    """A share between 0 and 1. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, got {text}")
    return value


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
        performance_from=arguments.performance_from,
    )
    return run_publish(request, display)


def _run_evaluate(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    from PDACScreeningLib.commands.evaluation import EvaluateRequest, run_evaluate

    statistics = StatisticsSettings(normals=arguments.normals)
    if arguments.prevalence:
        statistics = replace(statistics, prevalences=tuple(arguments.prevalence))
    request = EvaluateRequest(
        store=arguments.store,
        models=tuple(arguments.model),
        output=arguments.output,
        device=arguments.device,
        threads=arguments.threads,
        jobs=arguments.jobs,
        split=arguments.split,
        reading=ReadingSettings(whole_volume=arguments.ablation == "whole-volume", protocol=arguments.protocol),
        statistics=statistics,
    )
    return run_evaluate(request, display, interruption)
