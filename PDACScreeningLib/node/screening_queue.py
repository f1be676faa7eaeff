"""Ready series, one after the other, through one warm screening process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from PDACScreeningLib.child_run.one_order import OrderEnd, carry_out
from PDACScreeningLib.child_run.run_failure import failure_to_start
from PDACScreeningLib.child_run.warm_worker import WarmWorker
from PDACScreeningLib.dicom.object_files import REPORT
from PDACScreeningLib.node.config import NodeConfig, ScreeningChoices
from PDACScreeningLib.node.series_state import SeriesRow, SeriesState
from PDACScreeningLib.node.spool import Spool
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.session.work_order import WorkOrder, work_order

MOST_STARTS = 20  # of a series whose screening the node itself did not survive
_NOBODY = "no DICOM results could be made of it; the warnings of its screening.json say why"


Tell = Callable[[SeriesRow, SeriesState, str], None]  # a series, the state it came into, and why


class Child(Protocol):
    """Who carries out one order."""

    def screen(self, order: WorkOrder, stop: Callable[[], bool]) -> OrderEnd | None:
        """How it ended; None when `stop` asked for the end before that."""

    def close(self) -> None:
        """End the process that waits."""


class WarmChild:
    """`child_run.warm_worker`, waited for."""

    def __init__(self, python: str | None, timeout_s: float) -> None:
        self._python, self._timeout_s = python, timeout_s
        self._warm = WarmWorker()

    def screen(self, order: WorkOrder, stop: Callable[[], bool]) -> OrderEnd | None:
        """As `Child` says. A scan that takes longer than `timeout_s` is ended."""
        deadline = time.monotonic() + self._timeout_s
        try:
            end = carry_out(
                self._warm, order, python=self._python, should_stop=lambda: stop() or time.monotonic() > deadline
            )
        except OSError as error:
            return OrderEnd(None, failure_to_start(error).sentence)
        if end.outcome not in (None, Outcome.CANCELLED):
            return end
        if stop():
            return None
        if time.monotonic() > deadline:
            return OrderEnd(None, f"the screening took longer than {self._timeout_s:g} s")
        return end

    def close(self) -> None:
        """End the process that waits for its next order."""
        self._warm.close()


class ScreeningQueue:
    """Takes ready series to `screened`, `refused` or `failed`."""

    def __init__(self, config: NodeConfig, spool: Spool, child: Child, tell: Tell) -> None:
        self._config, self._spool, self._child, self._tell = config, spool, child, tell

    def step(self, stop: Callable[[], bool]) -> bool:
        """Screen the series that waits longest; False when there is none."""
        due = self._spool.database.due(SeriesState.READY)
        if not due:
            return False
        row = due[0]
        if row.starts >= MOST_STARTS:
            self._move(row, SeriesState.FAILED, why=f"the node ended {row.starts} times while it was screened")
        elif not self._spool.holds_exactly(row.key):
            self._move(row, SeriesState.FAILED, why="images of the series are missing in the spool")
        elif self._spool.database.move(row, SeriesState.RUNNING, starts=row.starts + 1):
            self._run(row, stop)
        return True

    def _run(self, before: SeriesRow, stop: Callable[[], bool]) -> None:
        running = self._spool.database.series(before.key)
        if running is None or (running.state, running.revision) != (SeriesState.RUNNING, before.revision):
            return  # a late image came
        folder = self._spool.result_folder(running.key, running.revision, running.starts)
        self._spool.remove_results(running.key, keep=(running.sent_result,))
        ended = self._child.screen(self._order(running, folder), stop)
        if ended is None:
            self._spool.database.move(running, SeriesState.READY, starts=running.starts - 1)
        else:
            self._settle(running, folder, ended)

    def _order(self, row: SeriesRow, folder: Path) -> WorkOrder:
        earlier = self._spool.folder / "results" / row.sent_result / REPORT
        chosen = choices(self._config.screening)
        if row.sent_result and earlier.is_file():
            chosen["dicom_predecessor"] = str(earlier)
        return work_order(str(self._spool.series_folder(row.key)), str(folder), chosen)

    def _settle(self, row: SeriesRow, folder: Path, ended: OrderEnd) -> None:
        """What follows from how a screening ended."""
        if ended.outcome is None or ended.outcome in (Outcome.FAILED, Outcome.CANCELLED):
            self._try_again(row, ended.reason)
        elif ended.outcome not in self._config.results.outcomes:
            self._move(row, SeriesState.REFUSED, why=ended.reason, outcome=ended.outcome.value)
        elif not (folder / REPORT).is_file():
            self._move(row, SeriesState.REFUSED, why=_NOBODY, outcome=ended.outcome.value)
        else:
            changes = {"outcome": ended.outcome.value, "result": folder.name, "failures": 0}
            self._move(row, SeriesState.SCREENED, why="", **changes)

    def _try_again(self, row: SeriesRow, reason: str) -> None:
        failures = row.failures + 1
        if failures >= self._config.screening.attempts:
            self._move(row, SeriesState.FAILED, why=reason, failures=failures)
            return
        if self._move(row, SeriesState.READY, why=reason, failures=failures):
            again = self._spool.database.series(row.key)
            if again is not None:
                self._spool.database.postpone(again, self._config.results.retry_s * 2 ** (failures - 1))

    def _move(self, row: SeriesRow, to: SeriesState, **changes: Any) -> bool:
        moved = self._spool.database.move(row, to, **changes)
        if moved:
            self._tell(row, to, str(changes.get("why", "")))
        return moved


def choices(screening: ScreeningChoices) -> dict[str, Any]:
    """The values of an order by the names that requests have. Identifiers go into DICOM objects and nowhere else."""
    return {
        "model": screening.model,
        "device": screening.device,
        "precision": screening.precision,
        "memory_gib": screening.memory_gib,
        "protocol": screening.protocol,
        "dicom_out": True,
        "dicom_segmentation": screening.segmentation,
        "dicom_probability": screening.probability,
        "dicom_key_objects": screening.key_objects,
    }
