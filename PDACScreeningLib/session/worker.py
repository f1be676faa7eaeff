"""A model that stays ready between scans: one order after the other, until whoever gives them is gone.

Orders come as JSON lines (`WorkOrder`), what happens goes to a listener, and every order ends with a `result`. The
stream of orders is the worker's lifeline: when it ends, the worker ends, also in the middle of a scan.
"""

from __future__ import annotations

import _thread
import os
import queue
import signal
import threading
from pathlib import Path

from PDACScreeningLib.errors import PDACScreeningError, UsageError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.plain_data import from_plain
from PDACScreeningLib.session.model import LazyModel, ModelRequest
from PDACScreeningLib.session.outcome_of_error import sentence
from PDACScreeningLib.session.result_folder import require_result_folder
from PDACScreeningLib.session.result_place import place_of_new_run
from PDACScreeningLib.session.scan_run import Listener, ScanOrder, ScanRun, Stop
from PDACScreeningLib.session.screener import Screener
from PDACScreeningLib.session.work_order import WorkOrder
from PDACScreeningLib.strict_json import parse_json

DONE, USAGE, CANCELLED = 0, 2, 130
GRACE_S = 2.0  # between noticing that the owner is gone and ending without another word
_CHUNK = 1 << 16


class Worker:
    """Keeps one model loaded while orders ask for the same one, and it is still the same on the disk."""

    def __init__(self, listener: Listener, stop: Stop) -> None:
        self._listener, self._stop = listener, stop
        self._kept: tuple[ModelRequest, _Signature, Screener] | None = None

    def obey(self, line: str) -> Outcome:
        """Carry out one order. An order that cannot be begun is FAILED, with exit code 2 as on the command line."""
        try:
            order = read_order(line)
            screener = self.screener(order.model)
            folder = Path(order.folder)
            require_result_folder(folder)
            with place_of_new_run(folder, self._stop.shielded, self._listener.notice):
                scan_order = ScanOrder(order.request, folder)
                return ScanRun(scan_order, screener, self._listener, self._stop).finish().outcome
        except PDACScreeningError as error:
            return self._refused(sentence(error))

    def screener(self, request: ModelRequest) -> Screener:
        """The model that was asked for: the one of the last order when nothing about it has changed.

        Raises UsageError when there is no such model.
        """
        signature = _Signature(LazyModel(request).folder)
        if self._kept is None or self._kept[:2] != (request, signature):
            self._kept = None  # its memory is needed for the next one
            self._kept = (request, signature, Screener.of(request))
        self._kept[2].model.announce_again()  # every order has its own listener
        return self._kept[2]

    def _refused(self, reason: str) -> Outcome:
        self._listener.error(reason)
        facts = {"outcome": Outcome.FAILED.value, "reason": reason, "score": None, "output": "", "exit_code": USAGE}
        self._listener.result(reason, facts)
        return Outcome.FAILED


class _Signature:
    """Which files a model folder holds: a model that was trained anew in the same folder is another model."""

    def __init__(self, folder: Path) -> None:
        about = ((path, path.stat()) for path in sorted(folder.iterdir()))
        self._files = [(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in about]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Signature) and other._files == self._files

    __hash__ = None  # type: ignore[assignment]  # compared only


def read_order(line: str) -> WorkOrder:
    """The order of a line. Raises UsageError when it is none."""
    try:
        return from_plain(WorkOrder, parse_json(line))
    except ValueError as error:
        raise UsageError(f"this is no order of a screening: {error}") from error


class Inbox:
    """Orders of a file descriptor, read in a thread so that its end is noticed while a scan is screened."""

    def __init__(self, descriptor: int) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._busy = False
        threading.Thread(target=self._read, args=(descriptor,), daemon=True).start()

    def next(self, idle_s: float | None) -> str | None:
        """The next order; None when there will be none, or none came for `idle_s` seconds (None = wait for ever)."""
        self._busy = False
        try:
            line = self._lines.get(timeout=idle_s)
        except queue.Empty:
            return None
        self._busy = True
        return line

    def _read(self, descriptor: int) -> None:
        """Not through `sys.stdin`: a thread that waits in its buffer would crash the interpreter at its end."""
        rest = b""
        while chunk := _read_some(descriptor):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._lines.put(line.decode("utf-8", "replace"))
        self._lines.put(None)
        if self._busy:
            _end_soon()


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


def _end_soon() -> None:
    """Nobody waits for the answer any more: stop as on SIGTERM, and without that when a long step does not listen."""
    _thread.interrupt_main(signal.SIGTERM)
    killer = threading.Timer(GRACE_S, os._exit, args=(CANCELLED,))
    killer.daemon = True
    killer.start()


def work(inbox: Inbox, worker: Worker, idle_s: float | None) -> int:
    """Obey until the orders end; returns the exit code. A scan that was cancelled ends the worker too."""
    while (line := inbox.next(idle_s)) is not None:
        if worker.obey(line) == Outcome.CANCELLED:
            return CANCELLED
    return DONE
