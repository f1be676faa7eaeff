"""One worker that waits for the next order with its model loaded. Standard library only.

The worker ends with its owner, because its orders end then, and after WARM_S seconds without an order.
"""

from __future__ import annotations

import time

from PDACScreeningLib.child_run.screening_process import ScreeningProcess

WARM_S = 300.0  # between two patients of a reading; its memory is free again after that
_HASTE_S = 10.0  # so close to its end a worker gets no order any more
_HEALTHY = (0, 3, 4)  # exit codes of an order after which the process is as good as new


class WarmWorker:
    """Starts workers, and keeps the last one that finished its order well."""

    def __init__(self, warm_s: float = WARM_S) -> None:
        """Nothing is started yet. warm_s: how long a worker waits for its next order."""
        self._warm_s = warm_s
        self._kept: ScreeningProcess | None = None
        self._kept_python: str | None = None
        self._kept_since = 0.0

    @property
    def is_warm(self) -> bool:
        """Whether a worker waits for an order."""
        return self._kept is not None and self._kept.running and self._age_s() < self._warm_s - _HASTE_S

    def take(self, python: str | None = None) -> ScreeningProcess:
        """A worker for one order: the one that is warm, else a new one. python: as `ScreeningProcess` has it.

        Raises OSError when none can be started.
        """
        kept, is_warm = self._kept, self.is_warm and self._kept_python == python
        self._kept, self._kept_python = None, python
        if kept is not None and is_warm:
            return kept
        if kept is not None:
            kept.close()
        return ScreeningProcess(["-m", "PDACScreeningLib", "worker", "--idle-s", str(self._warm_s)], python)

    def give_back(self, worker: ScreeningProcess, exit_code: int | None) -> None:
        """The order is over. exit_code: that its `result` told; a worker in doubt is ended."""
        if exit_code not in _HEALTHY or worker.cancelled or not worker.running or self._kept is not None:
            worker.close()
            return
        self._kept, self._kept_since = worker, time.monotonic()

    def close(self) -> None:
        """End the worker that waits, if there is one."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _age_s(self) -> float:
        return time.monotonic() - self._kept_since
