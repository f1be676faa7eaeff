"""Trains one of the three networks (section 2.2), read from top to bottom.

"The base learning rate is 0.01 and decayed polynomially (the power is 0.9) in a total of 80,000 iterations (the
mini-batch size is 16, 32 and 128 for 64^3, 32^3 and 16^3, respectively). The weight decay and momentum are set to be
0.0005 and 0.9, respectively."
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from PDACScreeningLib import __version__
from PDACScreeningLib.config import OptimizerSpec, ScaleSpec, TrainingConfig
from PDACScreeningLib.errors import CheckpointError, DataError
from PDACScreeningLib.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from PDACScreeningLib.network.deep_supervision import class_frequencies
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.batch_feed import BatchFeed
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.journal import Journal, JournalLine
from PDACScreeningLib.training.learning_rate import learning_rate
from PDACScreeningLib.training.loss_curves import LossCurves
from PDACScreeningLib.training.patch_sampling import PatchBatch, PatchSampler
from PDACScreeningLib.training.step import StepLoss, StepSpec, training_step, uses_bf16

CHECKPOINT = "checkpoint.pt"
_PRIOR_PATCHES = 64  # patches whose class frequencies start the heads


@dataclass(frozen=True)
class TrainingRun:
    """Where and on what one network is trained. `folder` receives the checkpoint and the journal.

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


def train(run: TrainingRun, store: CaseStore, on_progress: OnProgress = ignore_progress) -> Checkpoint:
    """Train until `config.iterations` are done, from the run folder's checkpoint when it has one.

    The batch of an iteration depends on (seed, scale, iteration) alone, so a stopped training goes on where it was.
    Raises CheckpointError when the folder holds a training with another configuration or data, DataError when the
    store has another grid than the configuration or the loss is no longer finite.
    """
    _require_same_grid(run, store)
    torch.manual_seed(_torch_seed(run))
    network = SegmentationNetwork(run.scale, run.config.screening.network)
    sampler = PatchSampler(store.cases, run.scale.patch_size, run.config.sampling, _roi_share(run))
    if run.config.loss.prior_bias:
        network.set_prior(_class_prior(run, sampler))
    network.to(run.runtime.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # stub lacks 3d
    optimizer = _optimizer(network, run.config.optimizer)
    start = _resume(run, store, network, optimizer)
    step = StepSpec(run.scale, run.config.loss, run.config.screening.intensity, run.runtime, run.accumulate)
    batches = BatchFeed(partial(_batch, run, sampler), start, run.config.iterations, ahead=run.prefetch)
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(run.folder, start))
        curves = stack.enter_context(LossCurves(run.folder, start)) if run.tensorboard else None
        feed = stack.enter_context(batches)
        for iteration, batch in feed:
            rate = learning_rate(iteration, run.config.iterations, run.config.optimizer)
            loss = training_step(step, network, optimizer, batch, rate)
            line = _write_line(journal, iteration, loss, rate, len(batch.hu), feed.waited_s)
            if curves is not None:
                curves.add(line)
            done = iteration + 1
            if done % run.checkpoint_every == 0 or done == run.config.iterations:
                journal.sync()
                save_checkpoint(_checkpoint(run, store, network, optimizer, done), run.folder / CHECKPOINT)
            on_progress(_progress(run, line))
    return load_checkpoint(run.folder / CHECKPOINT)


def _write_line(
    journal: Journal, iteration: int, loss: StepLoss, rate: float, patches: int, waited_s: float
) -> JournalLine:
    return journal.add(
        iteration, loss=loss.total, head_losses=loss.heads, learning_rate=rate, patches=patches, waited_s=waited_s
    )


def _progress(run: TrainingRun, line: JournalLine) -> Progress:
    note = f"loss {line.loss:.3f}, {line.patches_per_s:.0f} patches/s"
    return Progress(f"training {run.scale.patch_size}^3", line.iteration + 1, run.config.iterations, note)


def _batch(run: TrainingRun, sampler: PatchSampler, iteration: int) -> PatchBatch:
    rng = stream(run.config.seed, "training/patches", run.scale.patch_size, iteration)
    augment = run.config.augmentation and iteration >= run.config.augmentation_start
    return sampler.sample(rng, run.scale.batch_size, augment=augment)


def _class_prior(run: TrainingRun, sampler: PatchSampler) -> tuple[float, float, float]:
    rng = stream(run.config.seed, "training/prior", run.scale.patch_size)
    return class_frequencies(torch.from_numpy(sampler.sample(rng, _PRIOR_PATCHES, augment=False).labels).long())


def _roi_share(run: TrainingRun) -> float:
    """Only the coarse network sees the whole volume when it is used, so only it learns from all of it."""
    is_coarse = run.scale.patch_size == run.config.screening.scales[0].patch_size
    return run.config.sampling.coarse_roi_share if is_coarse else 1.0


def _torch_seed(run: TrainingRun) -> int:
    return int(stream(run.config.seed, "training/weights", run.scale.patch_size).integers(2**31))


def _optimizer(network: SegmentationNetwork, spec: OptimizerSpec) -> torch.optim.Optimizer:
    if spec.name == "adamw":
        return torch.optim.AdamW(network.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay)
    return torch.optim.SGD(
        network.parameters(), lr=spec.learning_rate, momentum=spec.momentum, weight_decay=spec.weight_decay
    )


def _require_same_grid(run: TrainingRun, store: CaseStore) -> None:
    stored, wanted = store.index.working_spacing_mm, run.config.screening.working_spacing_mm
    if stored != wanted:
        raise DataError(f"the store was prepared at {stored} mm, the configuration says {wanted} mm; prepare it again")


def _resume(run: TrainingRun, store: CaseStore, network: SegmentationNetwork, optimizer: torch.optim.Optimizer) -> int:
    """Load the run folder's checkpoint into network and optimizer; the iteration to go on with, 0 for a new run."""
    path = run.folder / CHECKPOINT
    if not path.exists():
        return 0
    checkpoint = load_checkpoint(path)
    if checkpoint.config != run.config or checkpoint.provenance.get("store_sha256") != store.sha256:
        raise CheckpointError(f"{path} belongs to a training with other settings or data; use another --output folder")
    network.load_state_dict(checkpoint.network_state)
    optimizer.load_state_dict(checkpoint.optimizer_state)
    return checkpoint.iteration


def _checkpoint(
    run: TrainingRun, store: CaseStore, network: SegmentationNetwork, optimizer: torch.optim.Optimizer, done: int
) -> Checkpoint:
    provenance = {
        "software": f"PDACScreening {__version__}",
        "torch": str(torch.__version__),
        "device": run.runtime.description,
        "precision": "bf16" if uses_bf16(run.runtime, run.scale) else "fp32",
        "store_sha256": store.sha256,
        "store_source": store.index.source,
        "cases": str(len(store.cases)),
        "accumulate": str(run.accumulate),
    }
    return Checkpoint(run.config, run.scale.patch_size, done, network.state_dict(), optimizer.state_dict(), provenance)
