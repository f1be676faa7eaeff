"""Trains one of the three networks (section 2.2), read from top to bottom.

"The base learning rate is 0.01 and decayed polynomially (the power is 0.9) in a total of 80,000 iterations (the
mini-batch size is 16, 32 and 128 for 64^3, 32^3 and 16^3, respectively). The weight decay and momentum are set to be
0.0005 and 0.9, respectively."
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from PDACScreeningLib import __version__
from PDACScreeningLib.config import HUWindow, OptimizerSpec, ScaleSpec, TrainingConfig
from PDACScreeningLib.errors import CheckpointError, DataError
from PDACScreeningLib.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from PDACScreeningLib.network.deep_supervision import class_frequencies, deeply_supervised_loss
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.learning_rate import learning_rate
from PDACScreeningLib.training.patch_sampling import PatchBatch, PatchSampler

CHECKPOINT = "checkpoint.pt"
JOURNAL = "training.jsonl"
_PRIOR_PATCHES = 64  # patches whose class frequencies start the heads


@dataclass(frozen=True)
class TrainingRun:
    """Where and on what one network is trained. `folder` receives the checkpoint and the journal."""

    folder: Path
    scale: ScaleSpec
    config: TrainingConfig
    runtime: Runtime
    checkpoint_every: int = 100


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
    journal = _Journal(run.folder / JOURNAL)
    stage = f"training {run.scale.patch_size}^3"
    for iteration in range(start, run.config.iterations):
        rate = learning_rate(iteration, run.config.iterations, run.config.optimizer)
        batch = _batch(run, sampler, iteration)
        loss = _step(run, network, optimizer, batch, rate)
        journal.add(iteration, loss, rate)
        done = iteration + 1
        if done % run.checkpoint_every == 0 or done == run.config.iterations:
            save_checkpoint(_checkpoint(run, store, network, optimizer, done), run.folder / CHECKPOINT)
        on_progress(Progress(stage, done, run.config.iterations))
    return load_checkpoint(run.folder / CHECKPOINT)


def _step(
    run: TrainingRun, network: SegmentationNetwork, optimizer: torch.optim.Optimizer, batch: PatchBatch, rate: float
) -> float:
    """One iteration; returns the loss. Raises DataError when it is not finite, before any weight changes."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    network.train()
    image, labels = _to_device(batch, run.config.screening.intensity, run.runtime.device)
    with torch.autocast(run.runtime.device, torch.bfloat16, enabled=_uses_bf16(run)):
        outputs = network.with_auxiliary(image)
    loss = deeply_supervised_loss(outputs, labels, run.scale, run.config.loss)
    value = loss.item()
    if not torch.isfinite(loss):
        raise DataError(f"the loss became {value}; lower the learning rate. The last checkpoint is untouched")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's stub
    optimizer.step()
    return value


def _uses_bf16(run: TrainingRun) -> bool:
    """Whether a step runs in bf16.

    Not the 16^3 network on a CPU: there torch's bf16 weight gradient of a 3x3x3 convolution over the 2x2x2 voxels of
    its lowest level differs from call to call and is NaN now and then (seen with torch 2.13); fp32 is exact.
    """
    small_on_cpu = run.runtime.device == "cpu" and run.scale.patch_size < 32
    return run.runtime.precision == "bf16" and not small_on_cpu


def _to_device(batch: PatchBatch, window: HUWindow, device: str) -> tuple[Tensor, Tensor]:
    """Normalized image (n, 1, z, y, x) float32 and labels (n, z, y, x) int64."""
    hu = torch.from_numpy(batch.hu).to(device).float()
    image = (hu.clamp(window.lower_hu, window.upper_hu) - window.mean_hu) / window.std_hu
    labels = torch.from_numpy(batch.labels).to(device).long()
    return image.unsqueeze(1).contiguous(memory_format=torch.channels_last_3d), labels


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
        "precision": "bf16" if _uses_bf16(run) else "fp32",
        "store_sha256": store.sha256,
        "store_source": store.index.source,
        "cases": str(len(store.cases)),
    }
    return Checkpoint(run.config, run.scale.patch_size, done, network.state_dict(), optimizer.state_dict(), provenance)


class _Journal:
    """One JSON line an iteration: what a loss curve needs."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._last = path, time.monotonic()

    def add(self, iteration: int, loss: float, rate: float) -> None:
        now = time.monotonic()
        line = {
            "iteration": iteration,
            "loss": round(loss, 6),
            "learning_rate": rate,
            "seconds": round(now - self._last, 4),
        }
        self._last = now
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
