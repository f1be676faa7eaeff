"""The checkpoints of one training: the last two and the best, each with the SHA-256 of its content in its name.

    checkpoint-00000700-1f0c...e2.pt    the one before the last, for the day when the last is damaged
    checkpoint-00000800-9ab3...07.pt    the last
    best-00000600-77d0...c4.pt          the best validation; what `publish` takes

A digest in the name is in place with the file in one rename, so that content and digest cannot be torn apart; names
sort by iteration. `checkpoint.pt` of the first format, without a digest, is read when there is nothing newer.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import CheckpointError, DamagedCheckpoint
from PDACScreeningLib.network.checkpoint import (
    Checkpoint,
    decode_checkpoint,
    encode_checkpoint,
    read_checkpoint_bytes,
)

Notify = Callable[[str], None]

_FIRST_NAME = "checkpoint.pt"  # of format 1
_KEPT = 2
_NAME = re.compile(r"(?:checkpoint|best)-(?P<iteration>\d{8})-(?P<sha256>[0-9a-f]{64})\.pt")
_LOG = logging.getLogger(__name__)


class CheckpointFolder:
    """The checkpoints in one folder. Reading changes nothing; writing is for the one process that trains there.

    notify: told in one sentence about each damaged checkpoint that is passed over.
    """

    def __init__(self, folder: Path, notify: Notify = _LOG.warning) -> None:
        self.folder, self._notify = folder, notify

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; None when there is none at all.

        Raises CheckpointError when there are checkpoints but every one is damaged, or when one is of another version.
        """
        return self._first_whole(self._training_files())

    def for_use(self) -> Checkpoint:
        """The checkpoint a model is made of: the best when the training was validated, else the newest.

        Raises CheckpointError when the folder has none, or when every one is damaged.
        """
        chosen = self._first_whole([*reversed(self._named("best")), *self._training_files()])
        if chosen is None:
            raise CheckpointError(f"{self.folder} holds no checkpoint; run `pdac-screening train` first")
        return chosen

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write the state of a training and remove those before the one before it. Raises WriteError."""
        written = self._write("checkpoint", checkpoint)
        files = self._named("checkpoint")
        kept = [written, *[path for path in files if path.name < f"checkpoint-{checkpoint.iteration:08d}"][1 - _KEPT :]]
        stale = [path for path in files if path not in kept]
        if len(kept) == _KEPT:
            stale.append(self.folder / _FIRST_NAME)
        _remove(stale)
        return written

    def save_best(self, checkpoint: Checkpoint) -> Path:
        """Write the best state so far, in place of the earlier best. Raises WriteError."""
        written = self._write("best", checkpoint)
        _remove([path for path in self._named("best") if path != written])
        return written

    def set_damaged_aside(self) -> list[Path]:
        """Rename damaged checkpoints to `damaged-...`, so that none counts among those that are kept; returns them."""
        damaged = [path for path in [*self._named("best"), *self._training_files()] if not _is_whole(path)]
        return [path.replace(path.with_name(f"damaged-{path.name}")) for path in damaged]

    def _write(self, kind: str, checkpoint: Checkpoint) -> Path:
        encoded = encode_checkpoint(checkpoint)
        name = f"{kind}-{checkpoint.iteration:08d}-{hashlib.sha256(encoded).hexdigest()}.pt"
        return atomic_file.write_bytes(self.folder / name, encoded)

    def _first_whole(self, paths: list[Path]) -> Checkpoint | None:
        for path in paths:
            try:
                return _load(path)
            except DamagedCheckpoint as error:
                self._notify(f"{error}; an older one is looked for")
        if paths:
            raise CheckpointError(f"every checkpoint in {self.folder} is damaged; delete them to train anew")
        return None

    def _training_files(self) -> list[Path]:
        """Files to go on from, newest first; the one of format 1, which tells no iteration, last."""
        first = self.folder / _FIRST_NAME
        return [*reversed(self._named("checkpoint")), *([first] if first.exists() else [])]

    def _named(self, kind: str) -> list[Path]:
        """Files of a kind, oldest first; empty when there is no folder."""
        return sorted(path for path in self.folder.glob(f"{kind}-*.pt") if _NAME.fullmatch(path.name))


def trained_folders(run: Path) -> list[Path]:
    """The folders below a run folder that hold a training, by name; empty when there is none."""
    return sorted(folder for folder in run.glob("*/") if any(_is_checkpoint(path) for path in folder.glob("*.pt")))


def _is_checkpoint(path: Path) -> bool:
    return path.name == _FIRST_NAME or _NAME.fullmatch(path.name) is not None


def _is_whole(path: Path) -> bool:
    try:
        _load(path)
    except DamagedCheckpoint:
        return False
    return True


def _load(path: Path) -> Checkpoint:
    """Read a checkpoint and compare it with its name. Raises DamagedCheckpoint, CheckpointError for another reason."""
    encoded = read_checkpoint_bytes(path)
    named = _NAME.fullmatch(path.name)
    if named is not None and hashlib.sha256(encoded).hexdigest() != named["sha256"]:
        raise DamagedCheckpoint(f"{path} is damaged: its content does not have the SHA-256 of its name")
    return decode_checkpoint(encoded, path)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
