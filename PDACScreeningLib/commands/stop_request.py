"""Signals that ask a training to stop: it finishes its iteration, saves and ends with the code "run me again"."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_Handler = Callable[[int, FrameType | None], Any] | int | None


class StopRequest:
    """Takes over SIGTERM, SIGUSR1 and Ctrl-C inside a `with`, and puts the earlier handlers back after it.

    Batch systems send SIGTERM before they end a job, and SIGUSR1 when asked to warn earlier. A second Ctrl-C does not
    wait: it raises KeyboardInterrupt where the program is. Outside the main thread Python delivers no signals, and
    there this does nothing.
    """

    def __init__(self) -> None:
        self._asked = False
        self._earlier: dict[signal.Signals, _Handler] = {}

    def __call__(self) -> bool:
        """Whether a signal has come."""
        return self._asked

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
                number = getattr(signal, name, None)  # Windows has no SIGUSR1
                if number is not None:
                    self._earlier[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        self._earlier.clear()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._asked = True
