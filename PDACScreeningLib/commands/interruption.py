"""Ctrl-C and SIGTERM while a command runs: stop soon, and leave nothing half-written.

A signal stops the work in two ways, because neither is enough alone. It raises KeyboardInterrupt where the program is,
which ends long steps that report no progress (importing, reading, resampling); and it is remembered, so that the next
progress report raises `Cancelled` even if a library in between swallowed the first.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.progress import OnProgress, Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler = Callable[[int, FrameType | None], Any] | int | None


class Interruption:
    """Takes over SIGINT and SIGTERM inside a `with`, and puts the earlier handlers back after it.

    Outside the main thread Python delivers no signals, and there this does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._shields = 0
        self._earlier: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._earlier[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        self._earlier.clear()

    def hook(self, show: OnProgress) -> OnProgress:
        """The progress hook of a command: shows, and raises Cancelled once a signal has come."""

        def on_progress(progress: Progress) -> None:
            self.check(progress)
            show(progress)

        return on_progress

    def check(self, _progress: Progress) -> None:
        """A progress hook that shows nothing and raises Cancelled once a signal has come."""
        if self.requested:
            raise Cancelled

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """For steps that must not stop halfway (moving files into place, cleaning up): a signal waits."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if self._shields == 0:
            raise KeyboardInterrupt
