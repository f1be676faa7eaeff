"""The folder a screening leaves behind: one run's files, never a mixture of two runs.

New files are written into a hidden folder beside their places and moved only when all of them are there. The old
`screening.json` goes first and the new one comes last, so that a folder without it is known to be incomplete.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from PDACScreeningLib.dicom.object_files import DICOM_FILES
from PDACScreeningLib.errors import UsageError, WriteError

LABELS = "labels.seg.nrrd"
TUMOR_PROBABILITY = "tumor_probability.nrrd"
REPORT = "report.html"
SCREENING = "screening.json"
_STAGING = ".partial-"  # the prefix of everything half-written, as in atomic_file
RESULT_FILES = (LABELS, TUMOR_PROBABILITY, REPORT, SCREENING)
KNOWN_FILES = (*DICOM_FILES, *RESULT_FILES)  # all that a result may have; screening.json is the last

Shield = Callable[[], AbstractContextManager[None]]


def open_result_folder(folder: Path) -> Path:
    """The folder, made if absent and known to be writable. Raises UsageError; earlier results are left alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(f"--output {folder} is a file; name a folder") from error
    except OSError as error:
        raise _not_writable(folder, error) from error
    require_result_folder(folder)
    return folder


def require_result_folder(folder: Path) -> None:
    """See that a folder, if it is there, can take a result. Raises UsageError."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"--output {folder} is a file; name a folder")
    for name in KNOWN_FILES:
        if (folder / name).is_dir():
            raise UsageError(f"--output {folder} holds a folder named {name}; name another folder")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _not_writable(folder, error) from error


def _not_writable(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write into --output {folder}: {error.strerror}; name another folder")


@contextmanager
def new_result(folder: Path, shield: Shield) -> Iterator[Path]:
    """A hidden folder to write a result into; when the block ends well, its files replace those of `folder`.

    When the block raises, `folder` is as it was. Files of other names are never touched. shield: holds off signals
    while files are moved and cleaned up. Raises WriteError when a file cannot be moved; then `screening.json` is gone.
    """
    with shield():
        _sweep(folder)
        staging = _staging_folder(folder)
    try:
        yield staging
        with shield():
            _replace_result(folder, staging)
    finally:
        with shield():
            shutil.rmtree(staging, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what a killed run left behind: hidden folders of nothing but result files, whole or half-written."""
    with suppress(OSError):
        for leftover in folder.glob(f"{_STAGING}*"):
            if leftover.is_dir() and not leftover.is_symlink() and all(map(_is_ours, leftover.iterdir())):
                shutil.rmtree(leftover, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    """A result file, or the temporary one beside its place."""
    return path.name in KNOWN_FILES or path.name.startswith(_STAGING) and path.name.endswith(KNOWN_FILES)


def _staging_folder(folder: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
    except OSError as error:
        raise WriteError(
            f"cannot write into {folder}: {error.strerror}; check free disk space and permissions"
        ) from error


def _replace_result(folder: Path, staging: Path) -> None:
    try:
        (folder / SCREENING).unlink(missing_ok=True)
        for name in KNOWN_FILES:
            if (staging / name).exists():
                (staging / name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(f"could not replace the files in {folder}: {error.strerror}; check permissions") from error
