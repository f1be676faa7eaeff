"""The operating system's lock on a file: it ends with its process, however that ends. Standard library only."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def locked(file: IO[bytes]) -> bool:
    """Take the lock of a file, until it is closed. Returns False when somebody else has it."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def lock_file(path: Path) -> Iterator[bool]:
    """Hold a lock file, which is made and, at the end, removed; False when another process holds it.

    Raises OSError when the file cannot be made.
    """
    file = _current(path)
    if file is None:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):  # Windows does not remove a file that is open
            path.unlink()
        file.close()


def _current(path: Path) -> IO[bytes] | None:
    """The locked file of a path; None when another process has it.

    Its last holder may have removed the file between our opening and our locking it: then it is nobody's, and the one
    that lies there now is asked.
    """
    while True:
        file = path.open("ab")
        if not locked(file):
            file.close()
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
