"""Signals while a command runs: stop soon and leave nothing half-written, or finish the iteration and save."""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self

from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.progress import OnProgress, Progress

_Handler = Callable[[int, FrameType | None], Any] | int | None


class _Signals(ABC):
    """Takes over signals inside a `with`, and puts the earlier handlers back after it.

    Outside the main thread Python delivers no signals, and there this does nothing.
    """

    NAMES: ClassVar[tuple[str, ...]]  # of signals; one that the system does not have (SIGUSR1 on Windows) is left out

    def __init__(self) -> None:
        self.requested = False
        self._earlier: dict[int, _Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in self.NAMES if hasattr(signal, name)):
                self._earlier[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        self._earlier.clear()

    @abstractmethod
    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """What a signal does."""


class Interruption(_Signals):
    """Ctrl-C and SIGTERM stop the work in two ways, because neither is enough alone.

    They raise KeyboardInterrupt where the program is, which ends long steps that report no progress (importing,
    reading, resampling); and they are remembered, so that the next progress report raises `Cancelled` even if a library
    in between swallowed the first.
    """

    NAMES = ("SIGINT", "SIGTERM")

    def __init__(self) -> None:
        super().__init__()
        self._shields = 0

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

    def remembered(self) -> AbstractContextManager[None]:
        """For work that asks `requested` often enough to stop by itself."""
        return self.shielded()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if self._shields == 0:
            raise KeyboardInterrupt


class StopRequest(_Signals):
    """Signals that ask a training to stop: it finishes its iteration, saves and ends with the code "run me again".

    Batch systems send SIGTERM before they end a job, and SIGUSR1 when asked to warn earlier. A second Ctrl-C does not
    wait: it raises KeyboardInterrupt where the program is.
    """

    NAMES = ("SIGINT", "SIGTERM", "SIGUSR1")

    def __call__(self) -> bool:
        """Whether a signal has come."""
        return self.requested

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
