"""What readers said and did, in one SQLite file that survives a power cut, in which nothing is ever changed.

An entry that was stored is on the disk (WAL, synchronous=FULL). Entries are only added: the file itself refuses to
change or remove one, and the newest entry of a kind counts. What may be said once only (an answer of a study) is
refused the second time.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.sqlite_file import opened
from PDACScreeningLib.strict_json import parse_json

_SCHEMA = """
create table if not exists entry(
  id integer primary key, at_s real not null, reader text not null, study text not null, kind text not null,
  scan text not null, case_name text not null, result_sha256 text not null, content text not null, once text unique);
create index if not exists entry_kind on entry(reader, study, kind);
create trigger if not exists never_changed before update on entry
  begin select raise(abort, 'entries are never changed'); end;
create trigger if not exists never_removed before delete on entry
  begin select raise(abort, 'entries are never removed'); end;
"""
_COLUMNS = "at_s, kind, scan, case_name, result_sha256, content, reader, study"


class SaidAlready(Exception):
    """What may be said once was said before; the first stays."""


@dataclass(frozen=True)
class About:
    """What an entry is about: a scan, its name when it was read, and the digest of the result that was shown.

    A study's case has its number as name.
    """

    scan: str = ""
    case_name: str = ""
    result_sha256: str = ""


@dataclass(frozen=True)
class Entry:
    """One entry. at_s: seconds since 1970."""

    at_s: float
    kind: str
    about: About
    content: dict[str, Any]
    reader: str
    study: str


class ReaderLog:
    """The entries of one reader: of one study, or outside of any."""

    def __init__(self, path: Path, reader: str, study: str = "", clock: Callable[[], float] = time.time) -> None:
        """Open or make the file. Raises UsageError when that is not possible."""
        self.reader, self.study, self._path = reader, study, path
        self._clock, self._lock = clock, threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = opened(path, _SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"what is read cannot be stored in {path.parent}: {error}; name a folder with --keep-in"
            ) from error

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    def add(self, kind: str, about: About, content: dict[str, Any], once: str = "") -> None:
        """Store an entry. once: a name under which this reader may store one entry only.

        Raises SaidAlready; UsageError when it cannot be stored.
        """
        only = json.dumps([self.reader, self.study, once]) if once else None
        values = (self._clock(), self.reader, self.study, kind, about.scan, about.case_name, about.result_sha256)
        with self._lock:
            try:
                self._connection.execute(
                    "insert into entry(at_s, reader, study, kind, scan, case_name, result_sha256, content, once) "
                    "values(?,?,?,?,?,?,?,?,?)",
                    (*values, json.dumps(content, allow_nan=False), only),
                )
            except sqlite3.IntegrityError as error:
                raise SaidAlready from error
            except sqlite3.Error as error:
                raise UsageError(f"this could not be stored, say it again: {error}") from error

    def entries(self, kind: str) -> list[Entry]:
        """The entries of a kind, the oldest first. Raises UsageError when the file is damaged."""
        question = f"select {_COLUMNS} from entry where reader=? and study=? and kind=? order by id"
        return self._ask(question, self.reader, self.study, kind)

    def newest(self, kind: str) -> dict[str, Entry]:
        """The entry of a kind that counts, by scan. Raises UsageError when the file is damaged."""
        return {entry.about.scan: entry for entry in self.entries(kind)}

    def of_all_readers(self, kind: str) -> list[Entry]:
        """The entries of a kind of every reader and study, the oldest first. Raises UsageError as `entries` does."""
        return self._ask(f"select {_COLUMNS} from entry where kind=? order by id", kind)

    def _ask(self, question: str, *values: Any) -> list[Entry]:
        try:
            with self._lock:
                rows = self._connection.execute(question, values).fetchall()
            return [
                Entry(at_s, kind, About(scan, case, digest), _object_of(content), reader, study)
                for at_s, kind, scan, case, digest, content, reader, study in rows
            ]
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise UsageError(f"what readers said cannot be read: {error}; put a copy of {self._path} back") from error


def _object_of(content: str) -> dict[str, Any]:
    found = parse_json(content)
    if not isinstance(found, dict):
        raise ValueError("an entry holds no object")
    return found
