"""What a training is asked to do, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.config import ScaleSpec, TrainingConfig
from PDACScreeningLib.network.runtime import Runtime


@dataclass(frozen=True)
class TrainingRun:
    """Where and on what one network is trained. `folder` receives the checkpoints and the journal.

    accumulate: micro-batches an iteration is computed in (ADR 0014). prefetch: batches made ahead of time.
    tensorboard: whether the journal is also drawn as curves; needs the package.
    """

    folder: Path
    scale: ScaleSpec
    config: TrainingConfig
    runtime: Runtime
    checkpoint_every: int = 100
    accumulate: int = 1
    prefetch: int = 4
    tensorboard: bool = False
