"""Arguments of `prepare`, `train`, `publish` and `evaluate`: from cases to a model and to what it is worth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import add_command, add_device, add_progress, natural, positive
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.config import PAPER_SCALES
from PDACScreeningLib.training.recipes import RECIPES

_PATCH_SIZES = tuple(scale.patch_size for scale in PAPER_SCALES)


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


def add_train_parser(commands: Any) -> None:
    """`train`: one network from a case store."""
    parser = add_command(
        commands,
        "train",
        _run_train,
        summary="train one of the three networks",
        description="Trains on a case store and keeps a checkpoint. Run it again to go on where it stopped.",
        examples=(
            "pdac-screening train store --patch-size 64 --output run",
            "pdac-screening train store --patch-size 16 --recipe short --base-width 8 --iterations 3000 --output run",
            "pdac-screening train store --split cohort/split.json --fold 0 --patch-size 64 --output run-fold0",
        ),
    )
    parser.add_argument("store", type=Path, help="folder made by `pdac-screening prepare`")
    parser.add_argument("--patch-size", type=int, choices=_PATCH_SIZES, required=True, help="which network")
    parser.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="run folder; gets a folder per network"
    )
    parser.add_argument("--split", metavar="FILE", type=Path, help="split file; trains on what --fold may train on")
    parser.add_argument("--fold", metavar="N", type=natural, default=0, help="fold of --split, from 0 (default: 0)")
    parser.add_argument("--recipe", choices=RECIPES, default="paper", help="short: ours, for a CPU (default: paper)")
    parser.add_argument("--iterations", metavar="N", type=positive, help="default: 80000 (paper), needed for short")
    parser.add_argument("--base-width", metavar="N", type=positive, help="channels at full resolution (default: 32)")
    parser.add_argument(
        "--batch-size", metavar="N", type=positive, help="patches in a mini-batch (default: the recipe's)"
    )
    parser.add_argument("--seed", type=natural, default=0, help="decides weights and patches (default: 0)")
    parser.add_argument("--no-augmentation", action="store_true", help="no flips and rotations")
    parser.add_argument("--threads", metavar="N", type=positive, help="CPU threads (default: all cores)")
    parser.add_argument("--checkpoint-every", metavar="N", type=positive, default=100, help="iterations (default: 100)")
    parser.add_argument(
        "--accumulate", metavar="N", type=positive, default=1, help="micro-batches, when memory is short (default: 1)"
    )
    parser.add_argument(
        "--prefetch", metavar="N", type=natural, default=4, help="mini-batches made ahead of time (default: 4)"
    )
    parser.add_argument("--tensorboard", action="store_true", help="also write event files for TensorBoard")
    add_device(parser)
    add_progress(parser)


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
    from PDACScreeningLib.commands.training import run_prepare

    spacing_mm = arguments.working_spacing_mm
    return run_prepare(arguments.cohort, arguments.output, spacing_mm, display, interruption)


def _run_train(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    from PDACScreeningLib.commands.training import TrainRequest, run_train

    request = TrainRequest(
        store=arguments.store,
        output=arguments.output,
        patch_size=arguments.patch_size,
        recipe=arguments.recipe,
        iterations=arguments.iterations,
        base_width=arguments.base_width,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        augmentation=not arguments.no_augmentation,
        device=arguments.device,
        threads=arguments.threads,
        checkpoint_every=arguments.checkpoint_every,
        split=arguments.split,
        fold=arguments.fold,
        accumulate=arguments.accumulate,
        prefetch=arguments.prefetch,
        tensorboard=arguments.tensorboard,
    )
    return run_train(request, display, interruption)


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
