"""Finding scans and label maps by their names in a downloaded folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from PDACScreeningLib.errors import DataError

DEPTH = 3  # e.g. manifest-1599750808610/Pancreas-CT/PANCREAS_0001


def entries_named(folder: Path, pattern: re.Pattern[str], depth: int = DEPTH) -> Iterator[Path]:
    """Files and folders whose whole name fits, in order, in a folder and below it; none where there is no folder.

    Hidden folders are not searched, nor are folders whose own name fits. Raises DataError for an unreadable folder.
    """
    if not folder.is_dir():
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}): check its permissions") from error
    for path in entries:
        if pattern.fullmatch(path.name):
            yield path
        elif depth > 1 and path.is_dir() and not path.name.startswith("."):
            yield from entries_named(path, pattern, depth - 1)
