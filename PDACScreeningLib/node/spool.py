"""The folder of a node: received images, results, database. Nothing in it is named after a patient.

    node.lock                       held by the node that runs
    node.sqlite                     what is known
    images/<series>/<image>.dcm     names are digests of identifiers
    results/<series>-<revision>-<start>/

An image counts as received once its file, the folder of its file and its row are on the disk, in this order.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import IO

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import FolderInUse, UsageError, WriteError
from PDACScreeningLib.file_lock import locked
from PDACScreeningLib.node.config import GIB, SpoolSpace
from PDACScreeningLib.node.database import Clock, Database, StoredImage
from PDACScreeningLib.node.received_image import ReceivedImage

DATABASE, LOCK = "node.sqlite", "node.lock"
_STRIPES = 64
_DAY_S = 86400.0
_LOCK_TRIES, _LOCK_PAUSE_S = 10, 0.05


class Receipt(Enum):
    """What became of an image."""

    STORED = "stored"
    KNOWN = "known"  # the same image again
    CONFLICT = "conflict"  # another image of the same identifier is here; it stays
    NO_ROOM = "no room"


class Spool:
    """Images on the disk and their rows, which agree whenever nobody is writing."""

    def __init__(self, space: SpoolSpace, clock: Clock = time.time, free: Callable[[Path], int] | None = None) -> None:
        """Open or make the folder, readable by its user alone, and put right what another life left.

        free: bytes that the disk of a path has; None asks the system. Raises FolderInUse, UsageError.
        """
        self.folder, self._space, self._clock = Path(space.folder), space, clock
        self._free = free or (lambda path: shutil.disk_usage(path).free)
        self._lock = threading.Lock()
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]
        try:
            for folder in (self.folder, self.folder / "images", self.folder / "results"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            with contextlib.ExitStack() as opened:  # given back when anything below fails
                self._held = opened.enter_context((self.folder / LOCK).open("ab"))
                if not _locked_in_time(self._held):
                    raise FolderInUse(f"another node is running with the spool {self.folder}")
                self.database = opened.enter_context(contextlib.closing(Database(self.folder / DATABASE, clock)))
                self._bytes = self.database.spooled_bytes()
                self._remove_unknown_files()
                self.database.begin_again()
                opened.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"spool.folder {self.folder} cannot be used: {error}") from error

    def close(self) -> None:
        """Let another node have the folder."""
        self.database.close()
        self._held.close()

    @property
    def used_bytes(self) -> int:
        """What the images take."""
        return self._bytes

    def series_folder(self, key: str) -> Path:
        """Where the images of a series lie."""
        return self.folder / "images" / key

    def result_folder(self, key: str, revision: int, start: int) -> Path:
        """Where a result goes: another place for every attempt, since an earlier one may still be writing."""
        return self.folder / "results" / f"{key}-{revision}-{start}"

    def has_room_for(self, size: int) -> bool:
        """Whether that many bytes more may come."""
        try:
            free = self._free(self.folder)
        except OSError:
            return False
        return self._bytes + size <= self._space.max_gib * GIB and free - size >= self._space.keep_free_gib * GIB

    def receive(self, image: ReceivedImage) -> Receipt:
        """Keep an image. What it answers is true also after a power cut."""
        with self._stripe(image.name):
            known = self.database.image(image.name)
            if known is not None:
                if (known.sha256, known.series) == (image.sha256, image.series):
                    self.database.look_again(image.series)
                    return Receipt.KNOWN
                self.database.note_conflict(image.series)
                return Receipt.CONFLICT
            return self._store(image)

    def _store(self, image: ReceivedImage) -> Receipt:
        size = len(image.content)
        if not self.has_room_for(size):
            return Receipt.NO_ROOM
        path = self.series_folder(image.series) / f"{image.name}.dcm"
        try:
            is_first = not path.parent.exists()
            atomic_file.write_bytes(path, image.content)
            if is_first:
                atomic_file.flush_folder(path.parent.parent)
            self.database.add_image(StoredImage(image.name, image.series, image.sha256, size))
        except (WriteError, OSError, sqlite3.Error):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return Receipt.NO_ROOM
        with self._lock:
            self._bytes += size
        return Receipt.STORED

    def holds_exactly(self, key: str) -> bool:
        """Whether the files of a series are those of its rows."""
        return _names(self.series_folder(key)) == self.database.images(key).keys()

    def remove_old(self) -> int:
        """Delete images and results of series that ended `retention_days` ago; how many series."""
        keys = self.database.forget_images(self._clock() - self._space.retention_days * _DAY_S)
        for key in keys:
            for name in _names(self.series_folder(key)):
                self._remove_forgotten(key, name)
            with contextlib.suppress(OSError):  # a late image may have come
                self.series_folder(key).rmdir()
            self.remove_results(key)
        if keys:
            with self._lock:
                self._bytes = self.database.spooled_bytes()
        return len(keys)

    def remove_results(self, key: str, keep: tuple[str, ...] = ()) -> None:
        """Delete the results of a series, but for those in the folders of these names."""
        for folder in (self.folder / "results").glob(f"*{key}-*"):
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _remove_forgotten(self, key: str, name: str) -> None:
        with self._stripe(name):
            if self.database.image(name) is None:
                (self.series_folder(key) / f"{name}.dcm").unlink(missing_ok=True)

    def _remove_unknown_files(self) -> None:
        """Images that were written but never acknowledged, and halves of them: their senders send them again."""
        for folder in (self.folder / "images").iterdir():
            known = self.database.images(folder.name).keys()
            atomic_file.remove_partial_files(folder)
            for path in folder.iterdir():
                if path.stem not in known:
                    path.unlink()
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _stripe(self, name: str) -> threading.Lock:
        return self._stripes[int(name[:4], 16) % _STRIPES]


def _names(folder: Path) -> set[str]:
    """Of the images in a folder; none when there is no folder."""
    if not folder.is_dir():
        return set()
    return {path.stem for path in folder.glob("*.dcm") if not path.name.startswith(atomic_file.PARTIAL)}


def _locked_in_time(file: IO[bytes]) -> bool:
    """Take the lock; whoever asks for the status has it for a moment."""
    for _ in range(_LOCK_TRIES):
        if locked(file):
            return True
        time.sleep(_LOCK_PAUSE_S)
    return False


def is_held(folder: Path) -> bool:
    """Whether a node is running with this spool."""
    try:
        with (folder / LOCK).open("ab") as file:
            return not locked(file)
    except OSError:
        return False
