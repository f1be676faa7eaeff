"""Runs a command so that a person never sees a traceback: every ending has a sentence and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.session.outcome_of_error import is_cancelling, sentence
from PDACScreeningLib.terminal.display import Display, open_display
from PDACScreeningLib.terminal.interruption import Interruption

DONE, USAGE, FAILED, CANCELLED = 0, 2, 5, 130
REFUSED = 4  # a scan that cannot be screened, cases that cannot be trained on
RESUME = 75  # EX_TEMPFAIL: stopped and saved, the same command goes on

Command = Callable[[Display, Interruption], int]


def open_missing_streams() -> None:
    """Let standard streams that were closed (`>&-`) lead nowhere: what is opened next would get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # until the process ends


def guarded(command: Command, *, progress: str | None, debug: bool) -> int:
    """Run a command with a display and with Ctrl-C taken care of, and return its exit code.

    progress: a style of progress_display.STYLES, None for what fits the terminal. debug: raise what was not expected,
    and show log lines and warnings of libraries, which are kept from the terminal otherwise.
    """
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s"
    )
    with Interruption() as interruption, warnings.catch_warnings():
        if not debug:
            warnings.simplefilter("ignore")
        display = open_display(progress)
        try:
            return command(display, interruption)
        except UsageError as error:
            display.error(sentence(error))
            return USAGE
        except (Exception, KeyboardInterrupt) as error:
            if is_cancelling(error):
                display.error("cancelled")
                return CANCELLED
            if debug:
                raise
            display.error(sentence(error))
            return FAILED
        finally:
            display.close()
