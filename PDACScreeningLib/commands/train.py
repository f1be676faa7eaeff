"""`pdac-screening train`: one network from a case store. torch is imported when the training begins."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.config import PAPER_SCALES, PRECISIONS
from PDACScreeningLib.terminal.arguments import (
    add_device,
    add_progress,
    describe,
    folder_to_write,
    from_arguments,
    natural,
    positive,
    positive_number,
    thread_count,
)
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE, RESUME
from PDACScreeningLib.terminal.interruption import Interruption, StopRequest
from PDACScreeningLib.training.launcher_watch import end_with_launcher, is_rank
from PDACScreeningLib.training.recipes import RECIPES

if TYPE_CHECKING:
    from PDACScreeningLib.training.training_session import TrainingEnd

_PATCH_SIZES = tuple(scale.patch_size for scale in PAPER_SCALES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`train`: one network from a case store."""
    describe(
        parser,
        run_train,
        description="Trains on a case store and keeps checkpoints. Run it again to go on where it stopped.\n"
        "SIGTERM, SIGUSR1 and Ctrl-C save and end with code 75; a second Ctrl-C ends at once.",
        examples=(
            "pdac-screening train store --patch-size 64 --output run",
            "pdac-screening train store --patch-size 16 --recipe short --base-width 8 --iterations 3000 --output run",
            "pdac-screening train store --split cohort/split.json --fold 0 --patch-size 64 --output run-fold0",
            "pdac-screening train store --patch-size 64 --recipe short --iterations 12000 --base-width 16 --symmetries "
            "axial --augment-shift-hu 8 --augment-contrast 0.1 --augment-noise-hu 5 --average-decay 0.999 --output run",
        ),
    )
    parser.add_argument("store", type=Path, help="folder made by `pdac-screening prepare`")
    parser.add_argument("--patch-size", type=int, choices=_PATCH_SIZES, required=True, help="which network")
    parser.add_argument(
        "--output", metavar="DIR", type=folder_to_write, required=True, help="run folder; gets a folder per network"
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
    parser.add_argument("--no-augmentation", dest="augmentation", action="store_false", help="no flips and rotations")
    _add_learning(parser)
    _add_augmentation(parser)
    parser.add_argument("--threads", metavar="N", type=thread_count, help="CPU threads (default: all cores)")
    parser.add_argument(
        "--checkpoint-minutes",
        metavar="M",
        type=positive_number,
        default=10.0,
        help="from one checkpoint to the next (default: 10)",
    )
    parser.add_argument(
        "--checkpoint-every",
        metavar="N",
        type=positive,
        default=0,
        help="a checkpoint every N iterations too (default: no)",
    )
    parser.add_argument(
        "--accumulate", metavar="N", type=positive, default=1, help="micro-batches, when memory is short (default: 1)"
    )
    parser.add_argument(
        "--prefetch", metavar="N", type=natural, default=4, help="mini-batches made ahead of time (default: 4)"
    )
    parser.add_argument(
        "--patches-on",
        choices=("auto", "processor", "device"),
        default="auto",
        help="where patches are cut; auto: on a GPU that has room for the store (default: auto)",
    )
    parser.add_argument("--tensorboard", action="store_true", help="also write event files for TensorBoard")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="default: the device's fast one")
    parser.add_argument(
        "--batch-norm", choices=("global", "local"), default="global", help="with several processes (default: global)"
    )
    parser.add_argument(
        "--validation-every", metavar="N", type=natural, default=0, help="iterations; 0: no validation (default: 0)"
    )
    parser.add_argument(
        "--validation-share", metavar="F", type=_share, default=0.1, help="of the patients (default: 0.1)"
    )
    parser.add_argument(
        "--validation-scans",
        metavar="N",
        type=natural,
        default=0,
        help="judge so many whole scans instead of patches, half of them with a tumor (default: 0)",
    )
    add_device(parser)
    add_progress(parser)


def _add_learning(parser: argparse.ArgumentParser) -> None:
    """What is learned with, beside the recipe."""
    parser.add_argument("--init-from", metavar="NAME|DIR", help="model whose weights are learned on from")
    parser.add_argument("--learning-rate", metavar="F", type=positive_number, help="at the start; the recipe's if not")
    parser.add_argument(
        "--class-weights",
        metavar=("BACKGROUND", "PANCREAS", "TUMOR"),
        type=positive_number,
        nargs=3,
        help="of the cross-entropy (default: the recipe's, 1 1 1 or 1 2 6)",
    )
    parser.add_argument(
        "--average-decay",
        metavar="F",
        type=float,
        default=0.0,
        help="of a moving average of the weights, which is then published, such as 0.999; 0: none (default: 0)",
    )


def _add_augmentation(parser: argparse.ArgumentParser) -> None:
    """Ours beside the paper's flips and rotations; all off by default."""
    parser.add_argument(
        "--symmetries", choices=("cube", "axial"), default="cube", help="axial: turns in the axial plane only"
    )
    parser.add_argument("--augmentation-start", metavar="N", type=natural, help="first iteration (default: recipe's)")
    for name, what in (
        ("shift-hu", "standard deviation of a shift of brightness, HU"),
        ("contrast", "largest change of contrast, a share such as 0.1"),
        ("noise-hu", "largest standard deviation of added noise, HU"),
        ("blur-voxels", "largest standard deviation of added blur, voxels, up to 0.7"),
    ):
        parser.add_argument(f"--augment-{name}", metavar="F", type=float, default=0.0, help=f"{what} (default: 0)")


def _share(text: str) -> float:
    """A number between 0 and 1, neither of them. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got {text}")
    return value


def run_train(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Train, or go on with a training. Returns RESUME when a signal ended it before its end."""
    if is_rank():
        end_with_launcher()  # before torch is imported, which takes seconds
    with StopRequest() as stop:
        from PDACScreeningLib.training.training_session import TrainRequest, run_training

        end = run_training(
            from_arguments(TrainRequest, arguments),
            on_progress=interruption.hook(display.progress),
            only_check=interruption.check,
            should_stop=stop,
            notify=display.notice,
        )
    if end.is_writer:
        _tell(end, display)
    return DONE if end.is_finished else RESUME


def _tell(end: TrainingEnd, display: Display) -> None:
    done, total, size = end.checkpoint.iteration, end.run.config.iterations, end.run.scale.patch_size
    facts = {"iterations": done, "folder": str(end.run.folder)}
    if end.is_finished:
        display.result(f"{size}^3 network trained for {done} iterations in {end.run.folder}", facts)
    else:
        again = "run the same command again to go on"
        display.result(f"{size}^3 network stopped and saved after {done} of {total} iterations; {again}", facts)
