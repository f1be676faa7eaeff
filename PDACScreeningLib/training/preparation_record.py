"""What became of a case, kept beside the store, so that an interrupted `prepare` goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.training.case_preparation import CaseTask, prepare_case
from PDACScreeningLib.training.case_store import is_intact
from PDACScreeningLib.training.store_index import StoredCase

RULES_VERSION = 2  # goes up when a check or the way to the working grid changes; then every case is prepared anew
_FOLDER = "prepared"


@dataclass(frozen=True)
class PreparedCase:
    """A case that is stored, or the reason why it is not.

    made_from: digest of its files and of how they were read. is_dropped: it was good, but its arrays were deleted,
    because the same scan is stored under another name.
    """

    case_id: str
    made_from: str
    stored: StoredCase | None
    refusal: str = ""
    is_dropped: bool = False


def prepare_or_reuse(task: CaseTask) -> PreparedCase:
    """Prepare a case, unless it was already done from the same files in the same way and is still intact.

    A case that is refused is a result too. Raises WriteError.
    """
    try:
        made_from = _made_from(task)
    except OSError as error:
        why = f"its files cannot be looked at ({error.strerror}): check their names and permissions"
        return PreparedCase(task.case.case_id, "", None, why)
    if earlier := _earlier(task, made_from):
        return earlier
    try:
        done = PreparedCase(task.case.case_id, made_from, prepare_case(task))
    except DataError as error:
        done = PreparedCase(task.case.case_id, made_from, None, str(error))
    atomic_file.write_json(_path(task), to_plain(done))
    return done


def is_prepared(task: CaseTask) -> bool:
    """Whether `prepare_or_reuse` would have nothing to do."""
    try:
        return _earlier(task, _made_from(task)) is not None
    except OSError:
        return True  # its files cannot be looked at, which is soon told


def _earlier(task: CaseTask, made_from: str) -> PreparedCase | None:
    """What became of the same files before, if that still holds."""
    earlier = _read(task)
    if earlier is not None and earlier.made_from == made_from and _still_holds(task.store, earlier):
        return earlier
    return None


def record_dropped(task: CaseTask, one: PreparedCase) -> None:
    """Remember that the arrays of a good case were deleted. Raises WriteError."""
    atomic_file.write_json(_path(task), to_plain(replace(one, is_dropped=True)))


def forget(task: CaseTask) -> None:
    """Have a case prepared anew."""
    _path(task).unlink(missing_ok=True)


def _still_holds(store: Path, earlier: PreparedCase) -> bool:
    return earlier.stored is None or earlier.is_dropped or is_intact(store, earlier.stored)


def _read(task: CaseTask) -> PreparedCase | None:
    """What was recorded, or None; a record that cannot be read is as good as none."""
    try:
        return from_plain(PreparedCase, read_json(_path(task)))
    except (OSError, ValueError):
        return None


def _path(task: CaseTask) -> Path:
    return task.store / _FOLDER / f"{task.case.case_id}.json"


def _made_from(task: CaseTask) -> str:
    case = task.case
    how = (case.case_id, case.patient_id, case.dataset, case.label_mapping, case.mirrored, case.position_may_differ)
    files = (_files(case.image), _files(case.labels))
    stored: tuple[Any, ...] = (task.is_packed, task.hu_clip) if task.is_packed or task.hu_clip else ()
    stored += (case.masks, case.has_tumor) if case.masks else ()
    listed = json.dumps(to_plain((RULES_VERSION, task.working_spacing_mm, how, files, *stored)))
    return hashlib.sha256(listed.encode()).hexdigest()


def _files(path: Path) -> list[Any]:
    """Name, length and time of change of the files a path stands for; empty when there is nothing."""
    found = path.rglob("*") if path.is_dir() else [path, *_data_files(path)]
    facts = [(str(file.relative_to(path.parent)), file.stat()) for file in sorted(found) if file.is_file()]
    return [[name, status.st_size, status.st_mtime_ns] for name, status in facts]


def _data_files(header: Path) -> list[Path]:
    """Files that may hold the voxels of a header: scan.raw or scan.zraw beside scan.mhd."""
    if header.suffix.lower() not in (".mhd", ".nhdr"):
        return []
    return [path for path in header.parent.iterdir() if path.stem == header.stem and path != header]
