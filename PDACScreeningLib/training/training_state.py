"""How far a training is: its learner, the iterations done and the best validation; to a checkpoint and back."""

from __future__ import annotations

from dataclasses import replace

import torch

from PDACScreeningLib import __version__
from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.errors import CheckpointError
from PDACScreeningLib.network.checkpoint import BestValidation, Checkpoint
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.learner import Learner
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.run_record import TrainingRun
from PDACScreeningLib.training.step import precision_of

_ENDS = "finished_before_at"  # of a training that was asked for more iterations when it was done


class TrainingState:
    """What changes while a training runs; the same on every rank.

    checkpoint: of the same training, to go on from; None starts a new one.
    Raises CheckpointError when the checkpoint is of a training with other settings or data.
    """

    def __init__(
        self, run: TrainingRun, store: CaseStore, ranks: Ranks, learner: Learner, checkpoint: Checkpoint | None
    ) -> None:
        self._run, self._learner = run, learner
        self.provenance = _provenance(run, store, ranks)
        self.done = 0  # iterations
        self.best: BestValidation | None = None
        if checkpoint is not None:
            self._require_same_training(checkpoint)
            learner.restore(checkpoint)
            self.done, self.best = checkpoint.iteration, checkpoint.best
            self._remember_ends(checkpoint)

    @property
    def finished_at(self) -> int | None:
        """The iteration at which this training had been finished, when it goes on from there just now."""
        return self.done if self.provenance.get(_ENDS, "").split(", ")[-1] == str(self.done) else None

    def is_due(self, every: int) -> bool:
        """Whether something done every so many iterations (0: never) is to be done now; at the end everything is."""
        return (every > 0 and self.done % every == 0) or self.done == self._run.config.iterations

    def improves(self, mean_dice: float) -> bool:
        """Whether a validation is the best so far, which it is from then on; a tie is not."""
        if self.best is not None and mean_dice <= self.best.mean_dice:
            return False
        self.best = BestValidation(self.done, mean_dice)
        return True

    def checkpoint(self) -> Checkpoint:
        """The state as it is now, tensors shared with the learner. Raises DataError when a weight is not finite."""
        return Checkpoint(
            config=self._run.config,
            patch_size=self._run.scale.patch_size,
            iteration=self.done,
            provenance=self.provenance,
            best=self.best,
            **self._learner.state(),
        )

    def _require_same_training(self, checkpoint: Checkpoint) -> None:
        folder, before = self._run.folder, checkpoint.provenance
        is_same = checkpoint.config == self._run.config or _is_longer(self._run.config, checkpoint)
        if not is_same or before.get("store_sha256") != self.provenance["store_sha256"]:
            raise CheckpointError(
                f"{folder} belongs to a training with other settings or data; use another --output folder"
            )
        ranks, ranks_before = self.provenance["processes"], before.get("processes", "1")
        if self._run.config.batch_norm == "local" and ranks != ranks_before:
            raise CheckpointError(
                f"the training in {folder} had {ranks_before} processes and --batch-norm local, with which {ranks} "
                f"would be another training; start {ranks_before}, or use another --output folder"
            )

    def _remember_ends(self, checkpoint: Checkpoint) -> None:
        """Keep at which iterations the training had been finished before it was asked for more."""
        ends = [end for end in checkpoint.provenance.get(_ENDS, "").split(", ") if end]
        if checkpoint.config != self._run.config:
            ends.append(str(checkpoint.iteration))
        if ends:
            self.provenance[_ENDS] = ", ".join(ends)


def _is_longer(config: TrainingConfig, checkpoint: Checkpoint) -> bool:
    """Whether a finished training is asked for more iterations, and for nothing else that would change it.

    When augmentation begins may differ where it had begun: the short recipe derives it from the iterations.
    """
    before = checkpoint.config
    starts = max(before.augmentation_start, config.augmentation_start)
    longer = replace(before, iterations=config.iterations, augmentation_start=config.augmentation_start)
    is_finished = checkpoint.iteration == before.iterations < config.iterations
    return is_finished and longer == config and starts <= checkpoint.iteration


def _provenance(run: TrainingRun, store: CaseStore, ranks: Ranks) -> dict[str, str]:
    return {
        "software": f"PDACScreening {__version__}",
        "torch": str(torch.__version__),
        "device": run.runtime.description,
        "precision": precision_of(run.runtime, run.scale),
        "store_sha256": store.sha256,  # of all that was permitted, validation included: `evaluate` compares it
        "store_source": store.index.source,
        "cases": str(len(store.cases)),
        "accumulate": str(run.accumulate),
        "processes": str(ranks.count),
    }
