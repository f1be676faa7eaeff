"""The temporary folder of one run: private, locked while its owner lives, and swept when the owner was killed.

Standard library only. A lock ends with its process, however that ends; a process number may be given out again.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from PDACScreeningLib.file_lock import locked

_logger = logging.getLogger(__name__)

PREFIX = "pdac-"
LOCK = "owner.lock"
_YOUNG_S = 60.0  # such a folder may still be on its way to its lock


class JobFolder:
    """A new folder that only its user can read, under a random name: nothing of it tells a patient."""

    def __init__(self, temporary_folder: Path | None = None) -> None:
        """temporary_folder: where; None takes the system's. Raises OSError when it cannot be written."""
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=temporary_folder))
        try:
            self._lock = (self.path / LOCK).open("wb")
            if not locked(self._lock):
                raise OSError(f"{self.path} cannot be locked")
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def remove(self) -> None:
        """Delete the folder with everything in it. Does nothing the second time."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def sweep_left_over_folders(temporary_folder: Path | None = None) -> int:
    """Delete the folders whose owner is gone, of this user only. Returns how many; what cannot be deleted stays."""
    swept = 0
    for folder in (temporary_folder or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        if _is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)
            swept += not folder.exists()
    if swept:
        _logger.info("deleted %d temporary folders of runs whose program was ended", swept)
    return swept


def _is_left_over(folder: Path) -> bool:
    """Whether this is a folder of ours that nobody holds any more. A link is none, wherever it leads."""
    try:
        about = folder.lstat()
        if folder.is_symlink() or not folder.is_dir() or time.time() - about.st_mtime < _YOUNG_S:
            return False
        if sys.platform != "win32" and about.st_uid != os.getuid():
            return False
        with (folder / LOCK).open("r+b") as lock:
            return locked(lock)
    except OSError:
        return False
