"""Arguments of `prepare` and `split`: from data sets to a case store, and who of it is tested."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import add_command, add_progress, folder_to_write, natural, positive
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display

DATASETS = ("phantoms", "msd", "nih", "panorama", "csv")
AXES = ("head-foot", "front-back", "left-right")  # canonical (z, y, x)

LABELS = ("background", "pancreas", "tumor")
_REST = "rest"  # all other numbers
_LARGEST_LABEL = 65535


def add_prepare_parser(commands: Any) -> None:
    """`prepare`: data sets to a case store."""
    parser = add_command(
        commands,
        "prepare",
        _run_prepare,
        summary="check cases and write them as a case store for training",
        description="Checks every case of one or more data sets and writes the good ones on the working grid, ready\n"
        "for training. Bad cases are named with their reason and never trained on. Run it again to go on after an\n"
        "interruption. Data sets: " + ", ".join(DATASETS) + " (see docs/datasets.md).",
        examples=(
            "pdac-screening prepare cohort --working-spacing-mm 2.5 --output store",
            "pdac-screening prepare Task07_Pancreas --jobs 8 --output store",
            "pdac-screening prepare manifest-1599750808610 --labels TCIA_pancreas_labels-02-05-2017 --output store",
            "pdac-screening prepare msd=Task07_Pancreas panorama=batches --labels panorama=panorama_labels "
            "--output store",
            "pdac-screening prepare my-cases.csv --label-mapping 7=pancreas,8=tumor,rest=background --output store",
        ),
    )
    parser.add_argument(
        "sources",
        metavar="[NAME=]PATH",
        nargs="+",
        type=_named_path,
        help="folder of a data set, or a CSV file; NAME= says which data set, otherwise its layout is recognized; of a "
        "scan in several data sets the first one is kept",
    )
    parser.add_argument("--output", metavar="DIR", type=folder_to_write, required=True, help="store folder to write")
    parser.add_argument(
        "--labels",
        metavar="[NAME=]DIR",
        type=_named_path,
        action="append",
        default=[],
        help="label maps of nih or panorama, when they do not lie below the images",
    )
    parser.add_argument(
        "--label-mapping",
        metavar="N=LABEL,...",
        type=_label_mapping,
        help="what the stored labels of csv cases mean (default: 1=pancreas,2=tumor, others are refused)",
    )
    parser.add_argument(
        "--mirrored-labels",
        metavar="[NAME=]AXIS,...",
        type=_named_axes,
        action="append",
        default=[],
        help=f"mirror all label maps of a data set that are stored so; axes: {', '.join(AXES)}",
    )
    parser.add_argument(
        "--working-spacing-mm",
        metavar="MM",
        type=_spacing,
        default=1.0,
        help="isotropic grid, or 'native' (default: 1)",
    )
    parser.add_argument("--jobs", metavar="J", type=positive, default=1, help="processes side by side (default: 1)")
    add_progress(parser)


def add_split_parser(commands: Any) -> None:
    """`split`: a split file of a case store."""
    parser = add_command(
        commands,
        "split",
        _run_split,
        summary="decide which patients of a store are trained on and which are tested",
        description="Writes a split file by patient. By default the paper's protocol: patients with a tumor in folds,\n"
        "the others split once, about as many of them to train on as patients with a tumor.",
        examples=(
            "pdac-screening split store --folds 4 --output split.json",
            "pdac-screening split store --test-fraction 0.2 --seed 1 --output split.json",
        ),
    )
    parser.add_argument("store", type=Path, help="folder made by `pdac-screening prepare`")
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="split file to write")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--folds", metavar="N", type=positive, default=4, help="cross-validation (default: 4)")
    kind.add_argument("--test-fraction", metavar="F", type=float, help="share to test, in place of folds")
    parser.add_argument("--seed", type=natural, default=0, help="decides who stands where (default: 0)")
    add_progress(parser)


def _named(text: str) -> tuple[str | None, str]:
    """("msd", "x") of "msd=x", and (None, text) without a name; a folder may have = in its name."""
    name, equals, value = text.partition("=")
    return (name, value) if equals and name in DATASETS else (None, text)


def _named_path(text: str) -> tuple[str | None, Path]:
    name, value = _named(text)
    return name, Path(value)


def _named_axes(text: str) -> tuple[str | None, tuple[bool, bool, bool]]:
    """Mirroring along canonical (z, y, x). Raises ArgumentTypeError."""
    name, value = _named(text)
    wanted = value.split(",")
    unknown = [axis for axis in wanted if axis not in AXES]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected axes out of {', '.join(AXES)}, got {unknown[0]}")
    z, y, x = (axis in wanted for axis in AXES)
    return name, (z, y, x)


def _label_mapping(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs such as ("7", "pancreas") or ("rest", "background"). Raises ArgumentTypeError."""
    pairs = []
    for part in text.split(","):
        number, _, label = (word.strip() for word in part.partition("="))
        known = number == _REST or (number.isdecimal() and int(number) <= _LARGEST_LABEL)
        if not known or label not in LABELS:
            raise argparse.ArgumentTypeError(f"expected 7=pancreas,8=tumor,{_REST}=background or the like, got {part}")
        pairs.append((number if number == _REST else str(int(number)), label))
    if len({number for number, _ in pairs}) < len(pairs):
        raise argparse.ArgumentTypeError(f"a number stands twice in {text}")
    return tuple(pairs)


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
    from PDACScreeningLib.commands.preparing import PrepareRequest, label_mapping, run_prepare

    request = PrepareRequest(
        sources=tuple(arguments.sources),
        output=arguments.output,
        working_spacing_mm=arguments.working_spacing_mm,
        labels=tuple(arguments.labels),
        mirrored=tuple(arguments.mirrored_labels),
        label_mapping=label_mapping(arguments.label_mapping),
        jobs=arguments.jobs,
    )
    return run_prepare(request, display, interruption)


def _run_split(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    from PDACScreeningLib.commands.splitting import SplitRequest, run_split

    request = SplitRequest(arguments.store, arguments.output, arguments.folds, arguments.test_fraction, arguments.seed)
    return run_split(request, display)
