"""The one way a file leaves this project: written beside its target, read back, then moved into place.

A full disk, a lost connection or a killed process leaves the old file as it was, never half a new one. Writers are
not believed: SimpleITK, for one, reports no error when a NIfTI file does not fit on the disk.
"""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PDACScreeningLib.errors import WriteError

PARTIAL = ".partial-"  # how the name of a temporary file begins
_FULL_BELOW_BYTES = 65536

Write = Callable[[Path], None]
Verify = Callable[[Path], None]


def write_file(target: Path, write: Write, verify: Verify | None = None, *, durable: bool = True) -> Path:
    """Write `target` through a temporary file in the same folder and return it.

    write: called with the temporary path; it keeps the target's whole file name as its ending, so that libraries
        which choose a format by suffix (`.seg.nrrd`) choose the same one.
    verify: called with the closed temporary path; it reads the file back and raises if the content differs from what
        was meant.
    durable: wait until the disk has it; not needed for a file that goes with the process that made it.
    Raises WriteError when writing or verifying fails; the old target, if any, is untouched.
    """
    temporary = _reserve(target)
    try:
        write(temporary)
        if durable:
            _flush_to_disk(temporary)
        if verify is not None:
            verify(temporary)
        temporary.replace(target)
        if durable:
            flush_folder(target.parent)
    except (OSError, RuntimeError, ValueError) as error:
        why = "No space left on the disk" if _is_full(target.parent) else error
        raise WriteError(f"could not write {target}: {why}; check free disk space and permissions") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def write_bytes(target: Path, content: bytes) -> Path:
    """Write bytes and check that the same bytes read back. Raises WriteError."""

    def verify(path: Path) -> None:
        if path.read_bytes() != content:
            raise ValueError("the file did not read back as written")

    return write_file(target, lambda path: _write_all(path, content), verify)


def write_text(target: Path, content: str) -> Path:
    """Write UTF-8 text with LF line ends and check that it reads back. Raises WriteError."""
    return write_bytes(target, content.encode())


def write_json(target: Path, content: Any) -> Path:
    """Write `content` as indented JSON; NaN and infinity are refused, because JSON has no such values."""
    return write_text(target, json.dumps(content, indent=2, allow_nan=False) + "\n")


def remove_partial_files(folder: Path) -> list[Path]:
    """Remove what a writer that was killed left in a folder, and return it; empty when there is nothing.

    Only for a folder that nobody else is writing into. What cannot be removed stays.
    """
    removed = []
    for path in sorted(folder.glob(f"{PARTIAL}*")):
        with contextlib.suppress(OSError):
            path.unlink()
            removed.append(path)
    return removed


def _reserve(target: Path) -> Path:
    """A new, empty temporary file beside its target, with the permissions that the umask leaves."""
    temporary = target.with_name(f"{PARTIAL}{secrets.token_hex(4)}-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise WriteError(
            f"cannot write into {target.parent}: {error.strerror}; choose a folder you may write"
        ) from error
    return temporary


def _is_full(folder: Path) -> bool:
    """Whether the disk under a folder has no room, which is what a writer that failed seldom says."""
    try:
        return shutil.disk_usage(folder).free < _FULL_BELOW_BYTES
    except OSError:
        return False


def _write_all(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make the rename durable; Windows cannot open folders, and there the rename is durable by itself."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
