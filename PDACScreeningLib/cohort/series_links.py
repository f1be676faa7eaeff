"""The files of one series in a folder that holds others too, as a folder of links to them alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def link_series(files: Sequence[Path], folder: Path) -> Path:
    """Make `folder` with a link to each file and return it. The links' names tell nothing. Raises OSError."""
    folder.mkdir()
    for number, path in enumerate(files):
        (folder / f"{number:05}{path.suffix}").symlink_to(path)
    return folder
