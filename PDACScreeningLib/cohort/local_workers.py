"""Several workers beside each other on one machine, each a process of its own that shares it with the others."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PDACScreeningLib.child_run.screening_process import child_environment, own_python
from PDACScreeningLib.cohort.worker import Machine

LIVES = 8  # ours: that a memory killer or a fault of the machine may take from one worker
_PAUSE_S = 0.2


def run_workers(folder: Path, jobs: int, machine: Machine, should_stop: Callable[[], bool]) -> list[int]:
    """Start workers and wait for them; their last exit codes, negative for one that was ended by a signal.

    One that was ended from outside is replaced, LIVES times in all. should_stop: asked all the time; True tells every
    worker to stop. Raises OSError when none can be started.
    """
    options = ["--device", machine.device, "--progress", "none"]
    if machine.memory_gib is not None:
        options += ["--memory-gib", str(machine.memory_gib / jobs)]
    command = [own_python(), "-m", "PDACScreeningLib", "cohort", "work", str(folder), *options]
    crew = [_Worker(command) for _ in range(jobs)]
    told = False
    while any([worker.lives_on(replace=not told) for worker in crew]):  # a list: every one of them is looked after
        if should_stop() and not told:
            told = True
            for worker in crew:
                worker.process.terminate()
        time.sleep(_PAUSE_S)
    return [worker.process.returncode for worker in crew]


class _Worker:
    """One place of the crew, and who holds it now."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command, self._lives = command, LIVES - 1
        self.process = self._start()

    def lives_on(self, *, replace: bool) -> bool:
        """Whether somebody is at work here. replace: start another one after one that was ended by a signal."""
        code = self.process.poll()
        if code is not None and code < 0 and replace and self._lives > 0:
            self._lives -= 1
            self.process = self._start()
            return True
        return code is None

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=child_environment())
