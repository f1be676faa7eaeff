"""The trainings of one step, one after the other: each one's logits, of which the mean is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from PDACScreeningLib.engines.nnunet_step import PreparedImage
from PDACScreeningLib.engines.nnunet_windows import sliding_logits
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.nnunet_model import FoldFile, NnunetStep
from PDACScreeningLib.network.nnunet_weights import fold_weights
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.unet_predictor import UNetPredictor
from PDACScreeningLib.progress import OnProgress


@dataclass(frozen=True)
class EnsembleOptions:
    """Which trainings answer, and whether windows are also shown mirrored. folds (): all that the model has."""

    folds: tuple[str, ...] = ()
    mirroring: bool = True


def chosen_folds(step: NnunetStep, wanted: Sequence[str]) -> tuple[FoldFile, ...]:
    """The folds that were asked for, in the order of the model; all when none was. Raises UsageError."""
    known = {fold.name: fold for fold in step.folds}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise UsageError(f"the model has no fold {', '.join(missing)}; its folds are {', '.join(known)}")
    return tuple(fold for name, fold in known.items() if not wanted or name in wanted)


def same_folds(step: NnunetStep, chosen: Sequence[FoldFile]) -> tuple[FoldFile, ...]:
    """The folds of another step with the same names; all of it when it has other ones."""
    names = {fold.name for fold in chosen}
    return tuple(fold for fold in step.folds if fold.name in names) or step.folds


@dataclass(frozen=True)
class FoldRun:
    """Some folds of a step, ready to run. memory_steps: receives what was done because memory did not suffice."""

    folder: Path
    step: NnunetStep
    folds: tuple[FoldFile, ...]
    mirroring: bool
    runtime: Runtime
    memory_steps: list[str] = field(default_factory=list)

    def logits(self, image: PreparedImage, stage: str, on_progress: OnProgress) -> Iterator[tuple[FoldFile, Tensor]]:
        """Each fold and its (outputs, z, y, x) float16 logits on the network's grid. Weights are held one at a time."""
        axes = self.step.mirror_axes if self.mirroring else ()
        predictor = UNetPredictor(self.step.unet, self.runtime, axes)
        for fold in self.folds:
            predictor.load(fold_weights(self.folder, fold, self.step.unet))
            named = f"{stage}, fold {fold.name}" if len(self.step.folds) > 1 else stage
            patch, outputs = self.step.patch_size, self.step.unet.outputs
            yield fold, sliding_logits(image.data, predictor, patch, outputs, stage=named, on_progress=on_progress)
        self.memory_steps.extend(step for step in predictor.memory_steps if step not in self.memory_steps)

    def mean_logits(self, image: PreparedImage, stage: str, on_progress: OnProgress) -> Tensor:
        """The mean of all folds, in the half precision that nnU-Net sums in."""
        total = LogitSum()
        for _, logits in self.logits(image, stage, on_progress):
            total.add(logits)
        return total.mean()


class LogitSum:
    """Adds the logits of folds in place, in their order and in their own precision."""

    def __init__(self) -> None:
        self._total: Tensor | None = None
        self._count = 0

    @torch.inference_mode()
    def add(self, logits: Tensor) -> None:
        """Take over a fold's logits, which may be overwritten."""
        self._total = logits if self._total is None else self._total.add_(logits)
        self._count += 1

    @torch.inference_mode()
    def mean(self) -> Tensor:
        """Of what was added; with one fold, that itself. Raises ValueError when nothing was added."""
        if self._total is None:
            raise ValueError("there is no mean of no folds")
        return self._total if self._count == 1 else self._total.div_(self._count)
