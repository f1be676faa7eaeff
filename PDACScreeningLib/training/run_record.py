"""What a training leaves in its folder: checkpoints, the journal and its curves. Only one rank writes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import ScaleSpec, TrainingConfig
from PDACScreeningLib.network.checkpoint import Checkpoint
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder, Notify
from PDACScreeningLib.training.journal import Journal
from PDACScreeningLib.training.loss_curves import LossCurves
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.run_lease import run_lease
from PDACScreeningLib.training.scan_validation import Validated
from PDACScreeningLib.training.step import StepLoss

PatchesOn = Literal["auto", "processor", "device"]


class RunRecord:
    """The files of one training, held for it inside a `with` (run_lease); on ranks other than the writer, nothing.

    Entering raises FolderInUse and WriteError. notify: told about damaged checkpoints.
    """

    def __init__(self, run: TrainingRun, ranks: Ranks, notify: Notify) -> None:
        self._run, self._ranks = run, ranks
        self._held = ExitStack()  # what is given back at the end: curves and journal, then the folder
        self._checkpoints = CheckpointFolder(run.folder, notify)
        self._journal: Journal | None = None
        self._curves: LossCurves | None = None

    def __enter__(self) -> RunRecord:
        if self._ranks.is_writer:
            self._held.enter_context(run_lease(self._run.folder))
            atomic_file.remove_partial_files(self._run.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def newest(self) -> Checkpoint | None:
        """The checkpoint to go on from, the writer's on every rank; None for a new training. Raises CheckpointError."""
        found = None
        if self._ranks.is_writer:
            found = self._checkpoints.newest()
            self._checkpoints.set_damaged_aside()
        return self._ranks.from_writer(found)

    def open_journal(self, first_iteration: int, provenance: Mapping[str, str]) -> None:
        """Begin to write down iterations, from the first one that is done (again). Raises WriteError.

        provenance: stands with the configuration on the first line that is written.
        """
        if self._ranks.is_writer:
            started = {**provenance, "config": to_plain(self._run.config)}
            self._journal = self._held.enter_context(Journal(self._run.folder, first_iteration, started))
            if self._run.tensorboard:
                self._curves = self._held.enter_context(LossCurves(self._run.folder, first_iteration))

    def add(
        self, iteration: int, loss: StepLoss, rate: float, waited_s: float, validated: Validated | None = None
    ) -> str:
        """Write down an iteration; its loss and pace in words, nothing on other ranks. Raises WriteError."""
        if self._journal is None:
            return ""
        line = self._journal.add(
            iteration,
            loss=loss.total,
            head_losses=loss.heads,
            learning_rate=rate,
            patches=self._run.scale.batch_size,
            waited_s=waited_s,
            validation_dice=None if validated is None else validated.mean_dice,
            validation_scans=None if validated is None else validated.scans,
        )
        if self._curves is not None:
            self._curves.add(line)
        return f"loss {line.loss:.3f}, {line.patches_per_s:.0f} patches/s"

    def save(self, checkpoint: Checkpoint) -> None:
        """Bring the journal and then the checkpoint to the disk. Raises WriteError."""
        if self._journal is not None:
            self._journal.sync()
            self._checkpoints.save(checkpoint)

    def save_best(self, checkpoint: Checkpoint) -> None:
        """Write the best state so far. Raises WriteError."""
        if self._ranks.is_writer:
            self._checkpoints.save_best(checkpoint)


@dataclass(frozen=True)
class TrainingRun:
    """Where and on what one network is trained. `folder` receives the checkpoints and the journal.

    A checkpoint is written after `checkpoint_every` iterations, after `checkpoint_minutes`, and at the end.
    accumulate: micro-batches an iteration is computed in (ADR 0014). prefetch: batches made ahead of time.
    tensorboard: whether the journal is also drawn as curves; needs the package.
    patches_on: where patches are cut, which changes none of them (cases_on_device).
    """

    folder: Path
    scale: ScaleSpec
    config: TrainingConfig
    runtime: Runtime
    checkpoint_every: int = 0  # iterations; 0 = by time alone
    checkpoint_minutes: float = 10.0
    accumulate: int = 1
    prefetch: int = 4
    tensorboard: bool = False
    patches_on: PatchesOn = "auto"
