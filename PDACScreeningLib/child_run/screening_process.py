"""A child process that never blocks its owner: orders in, events out. Standard library only.

A thread reads the lines; the owner asks for what has arrived. The child leads a process group of its own, because
Slicer's PythonSlicer is a launcher: killing the launcher alone would leave the real Python behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from PDACScreeningLib.strict_json import parse_json

LIBRARY_ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 1.0  # between asking a child to stop and killing it
_KEPT_LINES = 40  # of standard error and of lines that are not ours, for diagnostics
_LONGEST_LINE = 4000


def own_python() -> str:
    """The Python that runs a child: Slicer's launcher PythonSlicer, which Slicer puts on its PATH, else this one.

    Looked up when a child is started and not before: while Slicer imports its modules, `sys.executable` is empty or
    names Slicer itself. Raises FileNotFoundError when there is none.
    """
    python = shutil.which("PythonSlicer") or sys.executable
    if not python:
        raise FileNotFoundError("neither PythonSlicer nor another Python was found")
    return python


class ScreeningProcess:
    """A child process. Every method returns at once; `cancel` ends the child within about a second."""

    def __init__(self, arguments: Sequence[str], python: str | None = None) -> None:
        """Start the child. python: None takes `own_python()`. Raises OSError when it cannot be started."""
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._noise: deque[str] = deque(maxlen=_KEPT_LINES)
        self._killer: threading.Timer | None = None
        self.cancelled = False
        self._child = subprocess.Popen(
            [own_python() if python is None else python, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
            text=True,
            encoding="utf-8",
            errors="replace",
            **_own_group(),
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self._child.stdout, self._lines.put), daemon=True),
            threading.Thread(target=self._read, args=(self._child.stderr, self._noise.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def running(self) -> bool:
        """Whether the child lives or has lines that nobody has read yet."""
        return self._child.poll() is None or any(reader.is_alive() for reader in self._readers)

    @property
    def exit_code(self) -> int | None:
        """Of a child that has ended; negative is the signal that ended it (POSIX)."""
        return self._child.poll()

    @property
    def other_output(self) -> tuple[str, ...]:
        """The last lines that were no events: standard error, and whatever else the child said."""
        return tuple(self._noise)

    def send(self, order: Mapping[str, Any]) -> None:
        """Give the child an order, one line of JSON. Raises OSError when it has ended."""
        if self._child.stdin is None:
            raise BrokenPipeError("the child takes no orders")
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()

    def events(self) -> list[dict[str, Any]]:
        """The events that arrived since the last call. What is no event is kept as other_output."""
        arrived = []
        with contextlib.suppress(queue.Empty):
            while True:
                line = self._lines.get_nowait()
                event = _event(line)
                if event is None:
                    self._noise.append(line)
                else:
                    arrived.append(event)
        return arrived

    def cancel(self) -> None:
        """Ask the child to stop, and kill it with all its children when it has not after GRACE_S."""
        if self.cancelled or self._child.poll() is not None:
            return
        self.cancelled = True
        self._ask()
        self._killer = threading.Timer(GRACE_S, self.kill)
        self._killer.daemon = True
        self._killer.start()

    def kill(self) -> None:
        """End the child and its children at once."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
        else:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(self._child.pid)], capture_output=True, check=False)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the child has ended and all it said was read. Returns whether that happened in time."""
        deadline = time.monotonic() + timeout_s
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout_s)
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        return not self.running

    def close(self) -> None:
        """End the child if it still runs, and give its pipes back."""
        if self._child.poll() is None:
            self.kill()
        self.wait(GRACE_S)
        if self._killer is not None:
            self._killer.cancel()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None and not self.running:
                with contextlib.suppress(OSError):  # an order that the child never read
                    pipe.close()

    def _ask(self) -> None:
        """SIGTERM, on which the command leaves an outcome behind; Windows has no such signal for a child."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGTERM)
        else:
            self.kill()

    def _read(self, pipe: IO[str], keep: Any) -> None:
        with contextlib.suppress(ValueError, OSError):  # the pipe was closed while it was read
            while line := pipe.readline(_LONGEST_LINE):
                keep(line.rstrip("\n"))


def _event(line: str) -> dict[str, Any] | None:
    try:
        data = parse_json(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) and isinstance(data.get("event"), str) else None


def child_environment() -> dict[str, str]:
    """The owner's, with our library on the path, and without a parent's idea of buffers and encodings."""
    environment = dict(os.environ)
    path = environment.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = os.pathsep.join([str(LIBRARY_ROOT), *([path] if path else [])])
    environment["PYTHONUTF8"] = "1"
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONSAFEPATH"] = "1"  # else a file of the folder that Slicer was started in could replace a module
    return environment


def _own_group() -> dict[str, Any]:
    """So that all of the child's children can be ended, and Ctrl-C of a console stays away from it."""
    if os.name == "posix":
        return {"start_new_session": True}
    return {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}
