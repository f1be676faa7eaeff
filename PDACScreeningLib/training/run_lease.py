"""One training at a time in a folder: a lock that ends with the process that holds it, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from PDACScreeningLib.errors import FolderInUse, WriteError

LOCK = ".training.lock"


@contextmanager
def run_lease(folder: Path) -> Iterator[None]:
    """Hold a folder for one training. It is made when there is none.

    The lock is the operating system's (flock, on Windows LockFileEx; package filelock), so that of a killed process is
    gone with it and a left-over lock file means nothing. Between machines it holds as far as the network file system
    passes such locks on (NFS since version 4 does); where there is none at all, a file with the process's number
    stands in for it, which another machine cannot check.
    Raises FolderInUse when another process holds it, WriteError when the folder cannot be written.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise FolderInUse(
            f"another training is running in {folder}; wait for it, stop it, or use another --output folder"
        ) from error
    except (OSError, NotImplementedError) as error:
        raise WriteError(f"cannot write into {folder}: {error}; choose a folder you may write") from error
    try:
        yield
    finally:
        lock.release()
