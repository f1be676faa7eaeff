"""What a command shows while it runs: a bar, plain lines, JSON lines for a program that listens, or nothing.

Results go to standard output, everything about the run to standard error, so that either can be piped away. With JSON
lines standard output carries one ASCII object a line and nothing else. Every line is flushed at once.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.progress import Progress

STYLES = ("bar", "json", "none")

_SECONDS_BETWEEN_LINES = 5.0  # plain lines: seldom enough for a log file
_SECONDS_BETWEEN_JSON = 0.1  # a listener redraws no faster than this


class Display(Protocol):
    """What every style can say. After `close`, nothing is said any more."""

    def notice(self, message: str) -> None:
        """One sentence a person should know, e.g. which model is used."""

    def progress(self, progress: Progress) -> None:
        """How far the work is. Raises Cancelled when nobody listens any more."""

    def result(self, text: str, facts: dict[str, Any]) -> None:
        """What a command was run for: text for people, facts for programs."""

    def error(self, message: str) -> None:
        """Why the command could not do what was asked."""

    def close(self) -> None:
        """Take the bar away."""


def open_display(style: str | None) -> Display:
    """The display for a style of STYLES; None means a bar on a terminal and nothing elsewhere."""
    if style is None:
        style = "bar" if sys.stderr.isatty() else "none"
    if style == "json":
        return JsonLines()
    if style == "none":
        return Quiet()
    return _tqdm_bar() or PlainLines()


@dataclass
class StageEta:
    """Time since a stage began; a stage begins with its first report."""

    stage: str | None = None
    started: float = 0.0
    said: float = -1.0  # when this stage was last shown; -1 = not yet

    def elapsed(self, progress: Progress) -> float:
        """Seconds since the stage of this report began."""
        if progress.stage != self.stage:
            self.stage, self.started, self.said = progress.stage, time.monotonic(), -1.0
        return time.monotonic() - self.started

    def is_due(self, progress: Progress, pause_s: float) -> bool:
        """Whether to show this report: a stage's first and last are always shown, others after a pause."""
        elapsed = self.elapsed(progress)
        if self.said >= 0 and progress.done < progress.total and elapsed - self.said < pause_s:
            return False
        self.said = elapsed
        return True

    def eta(self, progress: Progress) -> float | None:
        """Seconds until the stage ends if it goes on like this; None before anything is done."""
        elapsed = self.elapsed(progress)
        return elapsed * (progress.total - progress.done) / progress.done if progress.done else None


class Quiet:
    """Nothing on the way; notices, results and errors only."""

    def notice(self, message: str) -> None:
        _say(sys.stderr, message)

    def progress(self, _progress: Progress) -> None:
        return

    def result(self, text: str, _facts: dict[str, Any]) -> None:
        _say(sys.stdout, text)

    def error(self, message: str) -> None:
        _say(sys.stderr, f"pdac-screening: {message}")

    def close(self) -> None:
        return


@dataclass
class PlainLines(Quiet):
    """A line every few seconds, for log files and machines without tqdm."""

    clock: StageEta = field(default_factory=StageEta)

    def progress(self, progress: Progress) -> None:
        if progress.total == 1 and progress.done == 1:  # its one line was shown when it began
            return
        if self.clock.is_due(progress, _SECONDS_BETWEEN_LINES):
            eta = self.clock.eta(progress)
            left = f", about {_duration(eta)} left" if eta else ""
            note = f", {progress.note}" if progress.note else ""
            _say(sys.stderr, f"{progress.stage}: {progress.done} of {progress.total}{left}{note}")


class TqdmBar(Quiet):
    """One bar for each stage; finished bars stay as a log, but for stages of a single step."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._tqdm.monitor_interval = 0  # the monitor is a thread we do not need
        self._bar: Any = None
        self._stage: str | None = None

    def notice(self, message: str) -> None:
        self.close()
        super().notice(message)

    def progress(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self.close()
            self._stage = progress.stage
            self._bar = self._tqdm(
                desc=f"{progress.stage:<24}",
                total=progress.total,
                leave=progress.total > 1,
                ascii=True,
                ncols=min(100, shutil.get_terminal_size().columns),
                nrows=2,  # given, because tqdm hides bars on terminals that tell no size
                file=sys.stderr,
                bar_format="{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} "
                "[{elapsed} gone, {remaining} left{postfix}]",
            )
        self._bar.total = progress.total
        self._bar.set_postfix_str(progress.note, refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def result(self, text: str, facts: dict[str, Any]) -> None:
        self.close()
        super().result(text, facts)

    def error(self, message: str) -> None:
        self.close()
        super().error(message)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._stage = None


@dataclass
class JsonLines:
    """One JSON object a line on standard output. When the listener is gone, the work stops quietly."""

    clock: StageEta = field(default_factory=StageEta)
    listener_gone: bool = False

    def notice(self, message: str) -> None:
        self._send({"event": "notice", "message": message})

    def progress(self, progress: Progress) -> None:
        if self.clock.is_due(progress, _SECONDS_BETWEEN_JSON):
            eta = self.clock.eta(progress)
            note = {"note": progress.note} if progress.note else {}
            self._send(
                {
                    "event": "progress",
                    "stage": progress.stage,
                    "done": progress.done,
                    "total": progress.total,
                    "elapsed_s": round(self.clock.elapsed(progress), 2),
                    "eta_s": None if eta is None else round(eta, 2),
                    **note,
                }
            )
        if self.listener_gone:
            raise Cancelled

    def result(self, _text: str, facts: dict[str, Any]) -> None:
        self._send({"event": "result", **facts})

    def error(self, message: str) -> None:
        self._send({"event": "error", "message": message})

    def close(self) -> None:
        return

    def _send(self, line: dict[str, Any]) -> None:
        if not self.listener_gone:
            self.listener_gone = not _say(sys.stdout, json.dumps(line, allow_nan=False))


def _say(to: TextIO, text: str) -> bool:
    """Print a line now; False when the other end is closed. What the terminal cannot show is written as an escape."""
    encoding = to.encoding or "ascii"
    try:
        to.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        to.flush()
    except OSError:
        _silence(to)
        return False
    return True


def _silence(stream: TextIO) -> None:
    """Send a closed pipe's stream nowhere, so that the interpreter's last flush at exit has nothing to complain of."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _tqdm_bar() -> TqdmBar | None:
    """A bar when tqdm is installed and a terminal is there to draw on."""
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return TqdmBar(tqdm)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
