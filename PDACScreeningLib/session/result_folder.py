"""The folder a screening leaves behind: its files, and whether a folder can take them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PDACScreeningLib.dicom.object_files import DICOM_FILES
from PDACScreeningLib.errors import UsageError

LABELS = "labels.seg.nrrd"
ANATOMY = "labels.seg.nrrd, vessels and ducts"  # the second layer of that file, where there is one
TUMOR_PROBABILITY = "tumor_probability.nrrd"
NETWORK_LABELS = "network_labels.nrrd"
REPORT = "report.html"
SCREENING = "screening.json"
RESULT_FILES = (LABELS, TUMOR_PROBABILITY, NETWORK_LABELS, REPORT, SCREENING)
KNOWN_FILES = (*DICOM_FILES, *RESULT_FILES)  # all that a result may have; screening.json is the last


def open_result_folder(folder: Path) -> Path:
    """The folder, made if absent and known to be writable. Raises UsageError; what is in it is left alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(f"--output {folder} is a file; name a folder") from error
    except OSError as error:
        raise _not_writable(folder, error) from error
    _require_writable(folder)
    return folder


def require_result_folder(folder: Path) -> None:
    """See that a folder can take a result. Raises UsageError.

    A result takes its place by renaming the folder (result_place): it must be one that can be renamed.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {folder} is a file; name a folder")
    place = folder.resolve()
    if place == Path.cwd() or place.is_mount() or not place.name:
        what = "the folder this command runs in" if place == Path.cwd() else "the top of a disk"
        raise UsageError(f"--output {folder} is {what}, which cannot be renamed; name a folder inside it")
    for name in KNOWN_FILES:
        if (folder / name).is_dir():
            raise UsageError(f"--output {folder} holds a folder named {name}; name another folder")
    there = next((parent for parent in place.parents if parent.exists()), place)
    for written in (there, *([place] if place.exists() else [])):
        _require_writable(written)


def _require_writable(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _not_writable(folder, error) from error


def _not_writable(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write into {folder} for --output: {error.strerror}; name another folder")
