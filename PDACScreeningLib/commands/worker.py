"""`pdac-screening worker`: orders in, events out, for a program that screens several scans with one loaded model."""

from __future__ import annotations

import argparse
import sys

from PDACScreeningLib.terminal.arguments import describe, positive_number
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.interruption import Interruption


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `worker`."""
    describe(
        parser,
        run_worker,
        description="Reads orders from standard input, one JSON object a line, and prints what happens as JSON lines,\n"
        "as 'screen --progress json' does. The model stays loaded while orders ask for the same one. An order is over\n"
        "with its 'result' event. The worker ends when its standard input ends, also in the middle of a scan.",
        examples=("pdac-screening worker --idle-s 300",),
    )
    parser.set_defaults(progress="json")
    parser.add_argument(
        "--idle-s",
        metavar="SECONDS",
        type=positive_number,
        help="end after this long without an order (default: wait for ever)",
    )


def run_worker(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Obey orders until there are no more. Returns the exit code."""
    from PDACScreeningLib.session.worker import Inbox, Worker, work

    return work(Inbox(sys.stdin.fileno()), Worker(display, interruption), arguments.idle_s)
