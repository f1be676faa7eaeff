"""One hostile input: how it is made, and what the reader may do with it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.scan_files.read_scan import read_scan

REFUSED = frozenset({"rejected", "indeterminate"})
SAME = frozenset({"same"})
TOLD = frozenset({"told"})  # read as something else than the clean input, with a warning that the clean one lacks
SAFE = REFUSED | SAME | TOLD
LONGEST_S = 20

Make = Callable[[Path], Path]
Agrees = Callable[[Path, ReadCT], bool]


@dataclass(frozen=True)
class HostileInput:
    """expected: outcomes that are right. agrees: asked where a changed input is read without a word."""

    kind: str
    name: str
    make: Make
    expected: frozenset[str]
    agrees: Agrees | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tried:
    """What came of an input."""

    outcome: str  # "rejected", "indeterminate", "same", "told", "silent", or the name of a foreign exception
    words: str
    seconds: float
    is_right: bool


class TooLong(BaseException):
    """An input was read for longer than anybody waits; no reader can swallow this."""


def try_input(hostile: HostileInput, clean: ReadCT, folder: Path) -> Tried:
    """Make an input in an empty folder, read it, and judge. clean: the input before it was spoiled."""
    path = hostile.make(folder)
    started = time.monotonic()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LONGEST_S)
    try:
        outcome, words, read = _read(path, hostile, clean)
    finally:
        signal.alarm(0)
    right = outcome in hostile.expected
    if outcome == "silent" and hostile.agrees is not None and read is not None:
        right = hostile.agrees(path, read)
    return Tried(outcome, words, time.monotonic() - started, right)


def _read(path: Path, hostile: HostileInput, clean: ReadCT) -> tuple[str, str, ReadCT | None]:
    try:
        read = read_scan(path, **hostile.options)
    except InputRejected as error:
        return "rejected", str(error), None
    except InputIndeterminate as error:
        return "indeterminate", str(error), None
    except (Exception, TooLong) as error:
        return type(error).__name__, str(error), None
    new = [warning for warning in read.warnings if warning not in clean.warnings]
    same = (
        read.volume.geometry.is_close(clean.volume.geometry)
        and read.volume.hu.shape == clean.volume.hu.shape
        and np.array_equal(read.volume.hu, clean.volume.hu)
    )
    return "same" if same else "told" if new else "silent", "; ".join(new), read


def _too_long(_number: int, _frame: object) -> None:
    raise TooLong(f"longer than {LONGEST_S} s")
