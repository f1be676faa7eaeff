"""Readers of a node: what it is told in TOML, and its database of series and images."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from fuzzed_scans import damaged
from hostile_records import Reader

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.node.config import SpoolSpace, read_config
from PDACScreeningLib.node.database import Database, StoredImage
from PDACScreeningLib.node.spool import DATABASE, Spool
from PDACScreeningLib.node.status import read_status

_TOLD = """[node]
ae_title = "PDAC"
host = "127.0.0.1"
port = 11112
callers = ["ORTHANC"]
timeout_s = 60
[spool]
folder = "node-spool"
max_gib = 20
retention_days = 7
[completeness]
quiet_s = 5
[rules]
min_images = 20
description_contains = ["venous"]
[screening]
model = "demo-phantom"
[pacs]
ae_title = "ORTHANC"
host = "127.0.0.1"
port = 4242
[results]
outcomes = ["SUSPICIOUS"]
"""
_ODD = ("inf", "nan", "-1", "0", "1e999", "9" * 400, '""', '"\\u0000"', "[]", "{}", "true", "1979-05-27", "[" * 5000)
_ODD_CELLS = (None, -1, 2**62, float("inf"), "", "\0", "word", "9" * 400, b"\xff\xfe", 0.5)
_CELLS = {
    "series": ("key", "state", "revision", "images", "expected", "last", "due", "since", "conflict", "outcome", "why"),
    "image": ("name", "series", "bytes"),
    "count": ("what", "number"),
}


def node_readers(folder: Path) -> dict[str, Reader]:
    """Both, by the name of the file that is damaged. folder: empty, theirs alone."""
    spool, written = folder / "spool", folder / "written.sqlite"
    with closing(Database(written)) as database:
        for number in range(3):
            database.add_image(StoredImage(f"{number:064}", "a" * 64, "b" * 64, 1000))
        database.count_dropped()
        database._connection.execute("pragma journal_mode=delete")
    whole = written.read_bytes()

    def damage(draw: random.Random) -> bytes:
        if draw.random() < 0.5:
            return damaged(whole, draw)
        written.write_bytes(whole)
        table = draw.choice(list(_CELLS))
        with closing(sqlite3.connect(written)) as connection, suppress(sqlite3.IntegrityError), connection:
            connection.execute(f"update {table} set {draw.choice(_CELLS[table])}=?", (draw.choice(_ODD_CELLS),))
        return written.read_bytes()

    def read(path: Path) -> object:
        """As --status does, and as a node that begins."""
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        shutil.copy(path, spool / DATABASE)
        space = SpoolSpace(folder=str(spool))
        return read_status(space), Spool(space).close()

    return {
        "node.toml": Reader(_TOLD.encode(), read_config, (UsageError,), damage=_damage_told),
        "node.sqlite": Reader(whole, read, (UsageError,), damage=damage),
    }


def _damage_told(draw: random.Random) -> bytes:
    if draw.random() < 0.5:
        return damaged(_TOLD.encode(), draw)
    lines = _TOLD.splitlines()
    at = draw.randrange(len(lines))
    lines[at] = f"{lines[at].split(' = ')[0]} = {draw.choice(_ODD)}"
    return "\n".join(lines).encode()
