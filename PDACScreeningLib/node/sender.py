"""Results on their way back: until the PACS has them, or until nobody waits for them any more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.node.config import NodeConfig
from PDACScreeningLib.node.database import Clock
from PDACScreeningLib.node.result_objects import require_own, result_objects
from PDACScreeningLib.node.screening_queue import Tell
from PDACScreeningLib.node.series_state import SeriesRow, SeriesState
from PDACScreeningLib.node.spool import Spool

_LONGEST_PAUSE_S = 3600.0
_DAY_S = 86400.0


class Archive(Protocol):
    """Who keeps results."""

    def send(self, paths: Sequence[Path]) -> str:
        """Store objects in this order. Empty when all of them are kept, else why not."""


class Sender:
    """Takes screened series to `sent` or `failed`."""

    def __init__(
        self, config: NodeConfig, spool: Spool, archive: Archive, tell: Tell, clock: Clock = time.time
    ) -> None:
        self._config, self._spool, self._archive, self._tell, self._clock = config, spool, archive, tell, clock

    def step(self) -> bool:
        """Send the result that waits longest; False when there is none."""
        due = self._spool.database.due(SeriesState.SCREENED)
        if not due:
            return False
        self._send(due[0])
        return True

    def _send(self, row: SeriesRow) -> None:
        folder = self._spool.folder / "results" / row.result
        paths = result_objects(folder, key_images=self._config.results.key_images)
        try:
            require_own(paths, self._spool.series_folder(row.key).glob("*.dcm"), row.key)
        except ResultError as error:
            self._move(row, SeriesState.FAILED, str(error))
            return
        obstacle = self._archive.send(paths)
        if obstacle:
            self._later(row, obstacle)
            return
        self._spool.database.note_sent(row)  # the report that a later one names as its predecessor
        self._move(row, SeriesState.SENT, "")

    def _later(self, row: SeriesRow, obstacle: str) -> None:
        if self._clock() - row.since > self._config.results.give_up_days * _DAY_S:
            self._move(row, SeriesState.FAILED, f"not sent for {self._config.results.give_up_days:g} days: {obstacle}")
            return
        pause_s = min(self._config.results.retry_s * 2 ** min(row.failures, 20), _LONGEST_PAUSE_S)
        if self._spool.database.postpone(row, pause_s, failures=row.failures + 1, why=f"not sent yet: {obstacle}"):
            self._tell(row, row.state, f"not sent yet: {obstacle}")

    def _move(self, row: SeriesRow, to: SeriesState, why: str) -> None:
        if self._spool.database.move(row, to, why=why):
            self._tell(row, to, why)
