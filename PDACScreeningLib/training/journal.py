"""`training.jsonl`: one line an iteration, so that a training can be watched, drawn and judged afterwards.

The first line after each start also tells what is trained: configuration, data, software, device.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import WriteError
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.strict_json import parse_json
from PDACScreeningLib.training.scan_validation import ScanFigures

JOURNAL = "training.jsonl"


@dataclass(frozen=True)
class JournalLine:
    """One iteration. `seconds` is the wall time since the line before it, saving checkpoints included."""

    iteration: int
    loss: float
    head_losses: Mapping[str, float]  # of auxiliary_1, (auxiliary_2,) main, before they are weighted
    learning_rate: float
    seconds: float
    patches_per_s: float
    data_wait_share: float  # of those seconds; above 0.05 the network waits for its patches
    validation_dice: float | None = None  # mean Dice on the validation patients, where one was due
    validation_scans: ScanFigures | None = None  # where whole scans were judged
    started: Mapping[str, Any] | None = None  # what is trained; on the first line after a start


class Journal:
    """Appends to the journal of a run folder, whose lines from `first_iteration` on are taken back first.

    A training that goes on from a checkpoint does the iterations after it again: every iteration stands there once,
    in order. Each line is handed to the operating system at once, so a killed process loses none; `sync` also brings
    them to the disk. started: stands on the first line that is added. Raises WriteError.
    """

    def __init__(self, folder: Path, first_iteration: int, started: Mapping[str, Any] | None = None) -> None:
        self.path = folder / JOURNAL
        _take_back(self.path, first_iteration)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise _not_written(self.path, error) from error
        self._last, self._started = time.perf_counter(), started

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(
        self,
        iteration: int,
        *,
        loss: float,
        head_losses: Mapping[str, float],
        learning_rate: float,
        patches: int,
        waited_s: float,
        validation_dice: float | None = None,
        validation_scans: ScanFigures | None = None,
    ) -> JournalLine:
        """Write the line of an iteration that has just ended, and return it. waited_s: for its batch."""
        now = time.perf_counter()
        seconds, self._last = max(now - self._last, 1e-9), now
        line = JournalLine(
            iteration=iteration,
            loss=round(loss, 6),
            head_losses={name: round(value, 6) for name, value in head_losses.items()},
            learning_rate=learning_rate,
            seconds=round(seconds, 4),
            patches_per_s=round(patches / seconds, 1),
            data_wait_share=round(min(1.0, waited_s / seconds), 4),
            validation_dice=None if validation_dice is None else round(validation_dice, 6),
            validation_scans=validation_scans,
            started=self._started,
        )
        self._started = None
        told = {name: value for name, value in to_plain(line).items() if value is not None}
        self._append(json.dumps(told).encode() + b"\n")
        return line

    def sync(self) -> None:
        """Bring all lines to the disk; called before a checkpoint, so that no checkpoint is ahead of its journal."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _not_written(self.path, error) from error

    def _append(self, line: bytes) -> None:
        try:
            written = self._file.write(line)
        except OSError as error:
            raise _not_written(self.path, error) from error
        if written != len(line):  # a disk that fills up takes the first part
            raise _not_written(self.path, OSError("the disk took only a part of a line"))


def _take_back(path: Path, first_iteration: int) -> None:
    """Keep the last line of each iteration before `first_iteration`; a line cut short by a full disk goes too."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_written(path, error) from error
    kept: dict[int, bytes] = {}
    for line in before.splitlines(keepends=True):
        iteration = _iteration_of(line)
        if iteration is not None and iteration < first_iteration:
            kept[iteration] = line
    after = b"".join(kept[iteration] for iteration in sorted(kept))
    if after != before:
        atomic_file.write_bytes(path, after)


def _iteration_of(line: bytes) -> int | None:
    """The iteration of a whole line, None for anything else."""
    try:
        content: Any = parse_json(line)
    except ValueError:
        return None
    iteration = content.get("iteration") if isinstance(content, dict) and line.endswith(b"\n") else None
    return iteration if isinstance(iteration, int) else None


def _not_written(path: Path, error: OSError) -> WriteError:
    return WriteError(f"could not write {path}: {error}; check free disk space and permissions, then train again")
