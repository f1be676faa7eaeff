"""What the node knows of series and images, in one SQLite file that survives a power cut.

A row that was committed is on the disk (WAL, synchronous=FULL). Every change of state names the state and revision it
starts from, so that a late image, which begins a new revision, can never be overwritten by what was decided before it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PDACScreeningLib.node.series_state import ENDED, SeriesRow, SeriesState
from PDACScreeningLib.plain_data import from_plain
from PDACScreeningLib.sqlite_file import opened

Clock = Callable[[], float]  # seconds since 1970

_SCHEMA = """
create table if not exists series(
  key text primary key, state text not null, revision integer not null default 0, images integer not null default 0,
  expected integer, last real not null, due real not null default 0, starts integer not null default 0,
  failures integer not null default 0, since real not null, conflict integer not null default 0,
  outcome text not null default '', why text not null default '', result text not null default '',
  sent_result text not null default '');
create index if not exists series_state on series(state, due);
create table if not exists image(
  name text primary key, series text not null, sha256 text not null, bytes integer not null);
create index if not exists image_series on image(series);
create table if not exists count(what text primary key, number integer not null);
"""
_COLUMNS = ", ".join(field.name for field in fields(SeriesRow))


@dataclass(frozen=True)
class StoredImage:
    """One image of the spool. name: a digest of its identifier, also of its file."""

    name: str
    series: str
    sha256: str
    bytes: int


class Database:
    """One connection for all threads of a node."""

    def __init__(self, path: Path, clock: Clock = time.time) -> None:
        """Open or make the file. Raises sqlite3.Error."""
        self._clock = clock
        self._lock = threading.RLock()
        self._connection = opened(path, _SCHEMA)

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def _ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(question, values).fetchall()

    # --- images

    def image(self, name: str) -> StoredImage | None:
        """The image of a name; None when there is none."""
        rows = self._ask("select name, series, sha256, bytes from image where name=?", name)
        return StoredImage(*rows[0]) if rows else None

    def images(self, key: str) -> dict[str, StoredImage]:
        """The images of a series, by name."""
        rows = self._ask("select name, series, sha256, bytes from image where series=?", key)
        return {row[0]: StoredImage(*row) for row in rows}

    def spooled_bytes(self) -> int:
        """What all images together take."""
        total = self._ask("select coalesce(sum(bytes), 0) from image")[0][0]
        if not isinstance(total, int):  # SQLite counts a word as 0.0
            raise sqlite3.DatabaseError("the size of an image in it is no whole number")
        return total

    def add_image(self, image: StoredImage) -> None:
        """An image that is on the disk. Its series is receiving, whatever it was."""
        with self._transaction() as connection:
            connection.execute(
                "insert into image values(?,?,?,?)", (image.name, image.series, image.sha256, image.bytes)
            )
            self._reopen(connection, image.series)
            connection.execute("update series set images=images+1 where key=?", (image.series,))

    def note_conflict(self, key: str) -> None:
        """An image of the series came that has the identifier of another one: the series cannot be believed.

        A new revision begins in any case: what is being decided right now does not know of it.
        """
        with self._transaction() as connection:
            self._reopen(connection, key)
            connection.execute("update series set conflict=1, revision=revision+1 where key=?", (key,))

    def look_again(self, key: str) -> None:
        """An image of the series was sent again: one that was given up or refused gets another chance."""
        again = [SeriesState.REFUSED.value, SeriesState.FAILED.value]
        with self._transaction() as connection:
            if connection.execute("select 1 from series where key=? and state in (?,?)", (key, *again)).fetchone():
                self._reopen(connection, key)

    def _reopen(self, connection: sqlite3.Connection, key: str) -> None:
        now = self._clock()
        connection.execute(
            "insert into series(key, state, last, since) values(?, 'receiving', ?, ?) on conflict(key) do update set "
            "last=excluded.last, due=0, "
            "since=case when state='receiving' then since else excluded.since end, "
            "revision=revision+(state<>'receiving'), starts=case when state='receiving' then starts else 0 end, "
            "failures=case when state='receiving' then failures else 0 end, result='', why='', outcome='', "
            "state='receiving'",
            (key, now, now),
        )

    def count_dropped(self) -> None:
        """An object that is no CT image was taken and dropped."""
        with self._transaction() as connection:
            connection.execute("insert into count values('dropped', 1) on conflict(what) do update set number=number+1")

    def dropped(self) -> int:
        """How many were."""
        rows = self._ask("select number from count where what='dropped'")
        if rows and not isinstance(rows[0][0], int):
            raise sqlite3.DatabaseError("its count of dropped objects is no number")
        return rows[0][0] if rows else 0

    # --- series

    def series(self, key: str) -> SeriesRow | None:
        """One series; None when it is unknown."""
        rows = self._ask(f"select {_COLUMNS} from series where key=?", key)
        return _row(rows[0]) if rows else None

    def all_series(self) -> list[SeriesRow]:
        """Every series, the one with the newest image first."""
        return [_row(row) for row in self._ask(f"select {_COLUMNS} from series order by last desc, key")]

    def due(self, state: SeriesState) -> list[SeriesRow]:
        """Series of a state whose next step may be tried, the one that waits longest first.

        One whose screening the node did not survive comes after those that were not tried as often.
        """
        question = f"select {_COLUMNS} from series where state=? and due<=? order by starts, last, key"
        return [_row(row) for row in self._ask(question, state.value, self._clock())]

    def move(self, row: SeriesRow, to: SeriesState, **changes: Any) -> bool:
        """Bring a series from the state and revision it was read in to another; False when it is no longer there."""
        return self._change(row, state=to.value, since=self._clock(), due=0.0, **changes)

    def postpone(self, row: SeriesRow, seconds: float, **changes: Any) -> bool:
        """Try the next step later; False when the series is no longer where it was read."""
        return self._change(row, due=self._clock() + seconds, **changes)

    def _change(self, row: SeriesRow, **changes: Any) -> bool:
        names = ", ".join(f"{name}=?" for name in changes)
        with self._transaction() as connection:
            done = connection.execute(
                f"update series set {names} where key=? and state=? and revision=?",
                (*changes.values(), row.key, row.state.value, row.revision),
            )
            return done.rowcount == 1

    def note_sent(self, row: SeriesRow) -> None:
        """The result of a series is in the PACS, also when a late image has come meanwhile."""
        with self._transaction() as connection:
            connection.execute("update series set sent_result=? where key=?", (row.result, row.key))

    def begin_again(self) -> None:
        """After the end of another life: what ran is to be run again, and senders get time to go on."""
        with self._transaction() as connection:
            now = self._clock()
            connection.execute("update series set state='ready', since=? where state='running'", (now,))
            connection.execute("update series set last=?, due=0 where state='receiving'", (now,))

    def forget_images(self, ended_before: float) -> list[str]:
        """Drop the rows of images whose series has ended before a moment; the keys of these series."""
        states = [state.value for state in ENDED]
        marks = ",".join("?" * len(states))
        with self._transaction() as connection:
            old = connection.execute(
                f"select key from series where state in ({marks}) and since<? and (images>0 or result<>'')",
                (*states, ended_before),
            ).fetchall()
            connection.executemany("delete from image where series=?", old)
            connection.executemany("update series set images=0, conflict=0, result='', sent_result='' where key=?", old)
        return [key for (key,) in old]


def _row(values: tuple[Any, ...]) -> SeriesRow:
    named = dict(zip((field.name for field in fields(SeriesRow)), values, strict=True))
    try:
        return from_plain(SeriesRow, {**named, "conflict": bool(named["conflict"])})
    except ValueError as error:  # SQLite keeps what it is given, also of a node to come or of a damaged file
        raise sqlite3.DatabaseError(f"a series in it cannot be read: {error}") from error
