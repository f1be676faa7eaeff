"""What the parsers of several sub-commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from PDACScreeningLib.config import DEFAULT_PROTOCOL, DEVICES, PRECISIONS, PROTOCOLS, ScreeningConfig
from PDACScreeningLib.screening_result import RESEARCH_NOTICE
from PDACScreeningLib.terminal.display import STYLES, Display
from PDACScreeningLib.terminal.interruption import Interruption

EXIT_CODES = (
    "exit codes: 0 result, 2 usage, 3 not assessable, 4 input rejected (prepare: some cases), 5 failed,\n"
    "            75 stopped and saved, run again to go on (train), 130 cancelled (Ctrl-C)\n"
    f"{RESEARCH_NOTICE}"
)
_MANY_THREADS, _LAST_PORT = 256, 65535

T = TypeVar("T")
Run = Callable[[argparse.Namespace, Display, Interruption], int]  # a sub-command; returns the exit code


def describe(
    parser: argparse.ArgumentParser, run: Run, *, description: str, examples: tuple[str, ...] = ()
) -> argparse.ArgumentParser:
    """What every sub-command has: help with examples, `--debug`, a progress style. run: what the command does."""
    shown = ["examples:", *(f"  {example}" for example in examples), "", EXIT_CODES] if examples else [EXIT_CODES]
    parser.description, parser.epilog = description, "\n".join(shown)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(run=run, progress=None)
    parser.add_argument("--debug", action="store_true", help="show log lines, and the traceback of an unexpected error")
    return parser


def from_arguments(kind: Callable[..., T], arguments: argparse.Namespace, **given: Any) -> T:
    """A request of what was typed: each field of the dataclass `kind` that is the name of an option gets its value.

    So an option is named once, where its parser is, and once where it is used. given: fields that are not typed so.
    """
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass by contract
    typed = {name: value for name, value in vars(arguments).items() if name in names}
    return kind(**{**typed, **given})


def add_progress(parser: argparse.ArgumentParser) -> None:
    """`--progress`."""
    parser.add_argument(
        "--progress",
        choices=STYLES,
        help="how to show progress; json prints one JSON object a line (default: bar on a terminal, else none)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="what computes (default: a GPU if there is one)"
    )


def add_precision(parser: argparse.ArgumentParser) -> None:
    """`--precision`."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="number format of the networks; auto: bf16 where the device is fast at it, and fp32 again for scans near "
        "the rule (default: auto)",
    )


def add_protocol(parser: argparse.ArgumentParser) -> None:
    """`--protocol`."""
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default=DEFAULT_PROTOCOL,
        help=f"exact: every window of the paper; fast: the same networks, fewer windows (default: {DEFAULT_PROTOCOL})",
    )


def add_ensemble(parser: argparse.ArgumentParser) -> None:
    """`--folds`, `--no-mirroring`: of an imported nnU-Net."""
    parser.add_argument(
        "--folds",
        metavar="N",
        nargs="+",
        default=(),
        help="which trainings of an imported nnU-Net answer (default: all; one takes a fifth of the time of five)",
    )
    parser.add_argument(
        "--no-mirroring",
        dest="mirroring",
        action="store_false",
        help="show an imported nnU-Net each window once, and not also mirrored (default: in up to 8 views)",
    )


def add_memory(parser: argparse.ArgumentParser) -> None:
    """`--memory-gib`, also `--gpu-memory`."""
    parser.add_argument(
        "--memory-gib",
        "--gpu-memory",
        metavar="GIB",
        type=positive_number,
        help="memory the networks may take, on the GPU if there is one (default: as much as is there)",
    )


def add_working_spacing(parser: argparse.ArgumentParser) -> None:
    """`--working-spacing-mm`."""
    parser.add_argument(
        "--working-spacing-mm",
        metavar="MM",
        type=spacing,
        default=ScreeningConfig.working_spacing_mm,
        help="isotropic grid, or 'native' (default: 1)",
    )


def add_scan_choice(parser: argparse.ArgumentParser) -> None:
    """`--series`, `--acquisition`, `--include-identifiers`, `--label`."""
    parser.add_argument(
        "--series",
        metavar="N|UID|WORDS",
        help="which series of a DICOM folder that holds several; words: of its description",
    )
    parser.add_argument(
        "--acquisition", metavar="N", help="which acquisition of a series that holds several, as the refusal lists them"
    )
    parser.add_argument(
        "--include-identifiers", action="store_true", help="put patient and study identifiers into the outputs"
    )
    parser.add_argument(
        "--label", metavar="NAME", default="", help="your own name for the scan, on its report; it may reach others"
    )


def folder_to_write(text: str) -> Path:
    """A folder, there or not. Raises ArgumentTypeError for a file."""
    folder = Path(text)
    if folder.exists() and not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a file; name a folder")
    return folder


def words(text: str) -> str:
    """Text that says something. Raises ArgumentTypeError."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected words, got nothing")
    return text


def spacing(text: str) -> float | None:
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


def positive_number(text: str) -> float:
    """A number above 0. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def share(text: str) -> float:
    """A number between 0 and 1, neither of them. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got {text}")
    return value


def natural(text: str) -> int:
    """A whole number from 0. Raises ArgumentTypeError."""
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, got {text}")
    return value


def positive(text: str) -> int:
    """A whole number from 1. Raises ArgumentTypeError."""
    value = natural(text)
    if value == 0:
        raise argparse.ArgumentTypeError("expected a whole number from 1, got 0")
    return value


def port_number(text: str) -> int:
    """A port, 0 for any that is free. Raises ArgumentTypeError."""
    value = natural(text)
    if value > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"expected at most {_LAST_PORT}, got {text}")
    return value


def thread_count(text: str) -> int:
    """A whole number from 1 that a machine can bear: with thousands, torch crashes. Raises ArgumentTypeError."""
    value, most = positive(text), max(_MANY_THREADS, os.cpu_count() or 1)
    if value > most:
        raise argparse.ArgumentTypeError(f"expected at most {most} threads, got {text}")
    return value
