"""What a node has done and is doing, read from its spool while it runs or after it. Nothing in it names a patient."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.node.config import GIB, SpoolSpace
from PDACScreeningLib.node.database import Database
from PDACScreeningLib.node.series_state import SeriesRow, SeriesState
from PDACScreeningLib.node.spool import DATABASE, is_held

_SHOWN = 20  # series of the table; JSON has all


@dataclass(frozen=True)
class SeriesLine:
    """One series: the first digits of its key, and how it stands."""

    series: str
    state: str
    images: int
    expected: int | None
    outcome: str
    seconds_in_state: float
    why: str


@dataclass(frozen=True)
class NodeStatus:
    """The node as a whole."""

    running: bool
    states: dict[str, int]  # how many series are in each, all states named
    spool_gib: float
    spool_max_gib: float
    dropped_objects: int  # that were no CT images
    series: tuple[SeriesLine, ...]  # the one with the newest image first


def read_status(space: SpoolSpace) -> NodeStatus:
    """The status of a spool. Raises UsageError when no node has ever run with it."""
    folder = Path(space.folder)
    if not (folder / DATABASE).is_file():
        raise UsageError(f"no node has run with the spool {folder} yet")
    try:
        database = Database(folder / DATABASE)
        try:
            rows, used, dropped = database.all_series(), database.spooled_bytes(), database.dropped()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise UsageError(f"the database of the spool {folder} cannot be read: {error}") from error
    counts = Counter(row.state for row in rows)
    return NodeStatus(
        running=is_held(folder),
        states={state.value: counts[state] for state in SeriesState},
        spool_gib=round(used / GIB, 6),
        spool_max_gib=space.max_gib,
        dropped_objects=dropped,
        series=tuple(_line(row, time.time()) for row in rows),
    )


def _line(row: SeriesRow, now: float) -> SeriesLine:
    age_s = round(max(0.0, now - row.since), 1)
    return SeriesLine(row.key[:8], row.state.value, row.images, row.expected, row.outcome, age_s, row.why)


def status_text(status: NodeStatus) -> str:
    """The status as a table."""
    head = [
        "The node is running." if status.running else "The node is not running.",
        "  ".join(f"{name} {count}" for name, count in status.states.items()),
        f"spool {status.spool_gib:.3f} of {status.spool_max_gib:g} GiB; objects dropped because they are no CT images: "
        f"{status.dropped_objects}",
        "",
        f"{'series':<10}{'state':<11}{'images':>6}{'of':>6}  {'for':>8}  {'outcome':<16}why",
    ]
    left = len(status.series) - _SHOWN
    rest = [f"... and {left} more; --json lists all"] if left > 0 else []
    return "\n".join([*head, *map(_text, status.series[:_SHOWN]), *rest])


def _text(line: SeriesLine) -> str:
    expected = "?" if line.expected is None else str(line.expected)
    age = f"{line.seconds_in_state:.0f} s" if line.seconds_in_state < 3600 else f"{line.seconds_in_state / 3600:.1f} h"
    row = f"{line.series:<10}{line.state:<11}{line.images:>6}{expected:>6}  {age:>8}  {line.outcome:<16}{line.why}"
    return row.rstrip()
