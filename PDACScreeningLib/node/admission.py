"""Series that are receiving: whole or not, to be screened or not."""

from __future__ import annotations

import time

from PDACScreeningLib.node.completeness import Census, Verdict, judge
from PDACScreeningLib.node.config import NodeConfig
from PDACScreeningLib.node.database import Clock
from PDACScreeningLib.node.rules import read_facts, refusal
from PDACScreeningLib.node.screening_queue import Tell
from PDACScreeningLib.node.series_state import SeriesRow, SeriesState
from PDACScreeningLib.node.spool import Spool


class Admission:
    """Takes series from `receiving` to `ready` or `refused`."""

    def __init__(self, config: NodeConfig, spool: Spool, census: Census, tell: Tell, clock: Clock = time.time) -> None:
        self._config, self._spool, self._census, self._tell, self._clock = config, spool, census, tell, clock

    def step(self) -> bool:
        """Look at every series whose turn it is; whether one of them went on."""
        return any([self._look_at(row) for row in self._spool.database.due(SeriesState.RECEIVING)])

    def _look_at(self, row: SeriesRow) -> bool:
        judged = judge(row, self._config.completeness, self._census, self._clock())
        if judged.verdict is Verdict.WAIT:
            pause_s = self._config.completeness.quiet_s if judged.why else self._until_quiet_s(row)
            self._spool.database.postpone(row, pause_s, why=judged.why, expected=judged.expected)
            return False
        why = judged.why or self._why_not(row)
        to = SeriesState.REFUSED if why else SeriesState.READY
        moved = self._spool.database.move(row, to, why=why, expected=judged.expected)
        if moved:
            self._tell(row, to, why)
        return moved

    def _until_quiet_s(self, row: SeriesRow) -> float:
        return max(0.0, self._config.completeness.quiet_s - (self._clock() - row.last))

    def _why_not(self, row: SeriesRow) -> str:
        paths = sorted(self._spool.series_folder(row.key).glob("*.dcm"))
        return refusal(self._config.rules, read_facts(paths))
