"""An SQLite file that survives a power cut: what was stored is on the disk."""

import sqlite3
from pathlib import Path

_WAIT_S = 30


def opened(path: Path, schema: str) -> sqlite3.Connection:
    """A connection for all threads of a process, in WAL with full syncs; the file and its tables are made if absent.

    Raises sqlite3.Error, also for a file so damaged that Python cannot read what SQLite says of it.
    """
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.executescript(schema)
    except ValueError as error:
        connection.close()
        raise sqlite3.DatabaseError("it is damaged") from error
    except BaseException:
        connection.close()  # else it could hold a lock that the next one waits for
        raise
    return connection
