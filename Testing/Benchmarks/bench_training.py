"""Pace of a training, as Markdown tables: `make bench-training`, or with --quick in about a minute.

Store: bytes of compressed cases, and the time to open ten thousand. Sampler: augmented patches a second from plain
arrays and from compressed cases, with one feed thread and with two. Waiting: for an
iteration that only sleeps, as long as a GPU of a given appetite would compute, with patches cut here and with patches
that are only drawn here and cut on the device. Training: time of an iteration, and the
share of it spent waiting for patches, with and without batches made ahead of time; on a GPU with the paper's width and
mini-batches, and so with the time that the paper's 80,000 iterations would take, on a CPU with small ones. Share of
peak: counted floating-point operations, over what a matrix product in the same precision reaches.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import benchmark_page
import torch
from large_store import large_store
from store_tables import opening_table, samples, size_table, write_samples
from torch.utils.flop_counter import FlopCounterMode

from PDACScreeningLib.config import NetworkSpec, ScaleSpec, TrainingConfig
from PDACScreeningLib.network.runtime import Runtime, resolve_training_device
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.batch_feed import BatchFeed, feed_threads
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.cases_on_device import CasesOnDevice, UncutBatch
from PDACScreeningLib.training.journal import JOURNAL
from PDACScreeningLib.training.patch_sampling import PatchBatch, PatchSampler
from PDACScreeningLib.training.recipes import paper_recipe, short_recipe
from PDACScreeningLib.training.run_record import TrainingRun
from PDACScreeningLib.training.step import precision_of
from PDACScreeningLib.training.trainer import train

SCRIPT = "bench_training.py"
PAPER = TrainingConfig()
APPETITE_64 = 350  # 64^3 patches a second; other sizes by voxels. An H100 at 15 % of its peak, by arithmetic
WARM_UP = 2  # iterations that do not count


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    cases: int
    shape: tuple[int, int, int]
    sampler_s: float
    iterations: int
    cpu_width: int
    cpu_batch: int  # at most; a GPU gets the paper's
    scales: tuple[ScaleSpec, ...]
    phantoms: int = 4
    phantom_shape: tuple[int, int, int] = (120, 460, 460)


FULL = Effort(
    4, (300, 300, 350), sampler_s=4.0, iterations=6, cpu_width=8, cpu_batch=128, scales=PAPER.screening.scales
)
QUICK = Effort(
    2,
    (80, 96, 96),
    sampler_s=0.2,
    iterations=4,
    cpu_width=1,
    cpu_batch=8,
    scales=PAPER.screening.scales[2:],
    phantoms=1,
    phantom_shape=(40, 64, 64),
)


def main() -> None:
    """Print every table; with --page, also append them to a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller cases, the smallest network only")
    parser.add_argument(
        "--scans", metavar="CT=LABELS", nargs="*", default=[], help="scans beside the phantoms, for the size of a store"
    )
    parser.add_argument("--store-only", action="store_true", help="only the tables about stores and the sampler")
    parser.add_argument("--training-only", action="store_true", help="only the table of the trainings themselves")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, help="CPU threads of torch (default: all cores)")
    parser.add_argument(
        "--page", type=Path, help="Markdown page to append the tables to: docs/experiments/benchmarks-log.md"
    )
    arguments = parser.parse_args()
    effort, runtime = QUICK if arguments.quick else FULL, resolve_training_device(arguments.device)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    measured_on = benchmark_page.machine(f"{runtime.description}, torch on {torch.get_num_threads()} threads")
    print(measured_on, "\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        store = large_store(Path(folder) / "store", cases=effort.cases, shape=effort.shape)
        tables = []
        for table in () if arguments.training_only else store_tables(Path(folder), effort, arguments.scans):
            tables.append(table)
            print(table, flush=True)
        measures = (sampler_table, waiting_table, partial(training_table, runtime=runtime, folder=Path(folder)))
        for measure in measures[2:] if arguments.training_only else measures[: 1 if arguments.store_only else None]:
            tables.append(measure(store, effort))
            print(tables[-1], flush=True)
    if arguments.page is not None:
        benchmark_page.append(arguments.page, SCRIPT, str(date.today()), "\n".join([measured_on, "", *tables]))


# ---- the store ---------------------------------------------------------------------------------------------------


def store_tables(folder: Path, effort: Effort, scans: list[str]) -> Iterator[str]:
    """Size, time to open, and patches a second, of phantoms and given scans."""
    cases = samples(effort.phantoms, effort.phantom_shape, scans)
    packed = write_samples(folder / "packed", cases, is_packed=True)
    plain = write_samples(folder / "plain", cases, is_packed=False)
    yield size_table(packed, cases)
    yield opening_table(folder / "many", packed.index.cases[0])
    yield sampler_table(plain, effort, "plain arrays")
    yield sampler_table(packed, effort, "compressed cases")


# ---- the sampler -------------------------------------------------------------------------------------------------


def sampler_table(store: CaseStore, effort: Effort, what: str = "cases of noise") -> str:
    """Patches a second at the paper's mini-batches."""
    rows = []
    for scale in effort.scales:
        sampler = paper_sampler(store, scale)
        one, two = (patches_per_second(sampler, scale.batch_size, threads, effort.sampler_s) for threads in (1, 2))
        rows.append([f"{scale.patch_size}^3", f"{one.wall:.0f}", f"{two.wall:.0f}", f"{one.cpu:.0f}", f"{two.cpu:.0f}"])
    depth, height, width = store.index.cases[0].shape
    header = ["", "a second, 1 thread", "a second, 2 threads", "a CPU second, 1 thread", "a CPU second, 2 threads"]
    return benchmark_page.table(
        f"Augmented patches from {len(store.cases)} {what} such as {width}x{height}x{depth}", header, rows
    )


def paper_sampler(store: CaseStore, scale: ScaleSpec) -> PatchSampler:
    """The sampler of a scale as the paper's recipe has it."""
    roi_share = PAPER.sampling.coarse_roi_share if scale.patch_size == 64 else 1.0
    return PatchSampler(store.cases, scale.patch_size, PAPER.sampling, roi_share)


@dataclass(frozen=True)
class Pace:
    """Patches a second on the clock, and for a second of processor time, which other work on the machine slows less."""

    wall: float
    cpu: float


def patches_per_second(sampler: PatchSampler, batch_size: int, threads: int, seconds: float) -> Pace:
    """Pace of a feed whose batches are taken at once."""

    def make(iteration: int) -> PatchBatch:
        return sampler.sample(stream(0, "bench", iteration), batch_size, augment=True)

    with BatchFeed(make, 0, 1_000_000, ahead=2 * threads, threads=threads) as feed:
        batches = iter(feed)
        next(batches)
        wall, cpu, taken = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() < wall + seconds:
            next(batches)
            taken += batch_size
        return Pace(taken / (time.perf_counter() - wall), taken / (time.process_time() - cpu))


def waiting_table(store: CaseStore, effort: Effort) -> str:
    """Share of time an iteration waits for its patches, when it takes no processor time itself."""
    rows = []
    for scale in effort.scales:
        appetite = APPETITE_64 * 64**3 // scale.patch_size**3
        pause_s = scale.batch_size / appetite
        sampler = paper_sampler(store, scale)
        placed = CasesOnDevice(store.cases, scale.patch_size, "cpu", ignore_progress)
        asked, ahead, drawn = (
            waiting_share(sampler, scale.batch_size, pause_s, prefetch, effort.sampler_s, on_device)
            for prefetch, on_device in ((0, None), (4, None), (4, placed))
        )
        rows.append([f"{scale.patch_size}^3", appetite, f"{1000 * pause_s:.1f}", f"{100 * asked:.1f} %",
                     f"{100 * ahead:.1f} %", f"{100 * drawn:.1f} %"])  # fmt: skip
    header = ["", "patches/s it could take", "ms an iteration", "waiting, made when asked for", "waiting, 4 made ahead",
              "4 drawn ahead, cut on the device"]  # fmt: skip
    return benchmark_page.table("Waiting for patches", header, rows)


def waiting_share(
    sampler: PatchSampler,
    batch_size: int,
    pause_s: float,
    ahead: int,
    seconds: float,
    on_device: CasesOnDevice | None = None,
) -> float:
    """Share of the time not spent in the pause that stands for an iteration, and for cutting what is on a device."""

    def make(iteration: int) -> PatchBatch | UncutBatch:
        rng = stream(0, "bench", iteration)
        if on_device is None:
            return sampler.sample(rng, batch_size, augment=True)
        return on_device.uncut(sampler.draw(rng, batch_size, augment=True))

    with BatchFeed(make, 0, 1_000_000, ahead=ahead, threads=feed_threads(sampler.patch_size)) as feed:
        batches = iter(feed)
        next(batches)
        started, waited = time.perf_counter(), 0.0
        while time.perf_counter() < started + seconds:
            time.sleep(pause_s)
            next(batches)
            waited += feed.waited_s
        return waited / (time.perf_counter() - started)


# ---- the training ------------------------------------------------------------------------------------------------


def training_table(store: CaseStore, effort: Effort, runtime: Runtime, folder: Path) -> str:
    """Iterations of each network, with batches made when they are asked for and ahead of time."""
    rows = []
    of_the_paper = runtime.device == "cuda"
    config = replace(paper_recipe(1.0), iterations=effort.iterations) if of_the_paper else cpu_config(effort)
    for scale in (scale for scale in config.screening.scales if scale.patch_size in sizes(effort)):
        peak = peak_flops(runtime.device, precision_of(runtime, scale))
        flops = flops_of_a_patch(scale, config.screening.network) * scale.batch_size
        for prefetch in (0, 4):
            run = TrainingRun(folder / str(prefetch), scale, config, runtime, 10**6, prefetch=prefetch)
            seconds, wait_share = iteration_of(run, store)
            hours = f"{seconds * PAPER.iterations / 3600:.1f}" if of_the_paper else ""
            name = f"{scale.patch_size}^3 in {precision_of(runtime, scale)}"
            rows.append([name, config.screening.network.base_width, scale.batch_size, prefetch, f"{1 / seconds:.2f}",
                         f"{scale.batch_size / seconds:.1f}", f"{100 * wait_share:.1f} %",
                         f"{100 * flops / seconds / peak:.0f} %", hours])  # fmt: skip
    header = ["", "base width", "mini-batch", "made ahead", "iterations/s", "patches/s", "waiting for data",
              "share of peak", "80,000 iterations, h"]  # fmt: skip
    return benchmark_page.table("Training", header, rows)


def cpu_config(effort: Effort) -> TrainingConfig:
    """The short recipe, small enough for a CPU, augmenting from the start."""
    config = short_recipe(1.0, base_width=effort.cpu_width, iterations=effort.iterations)
    scales = tuple(
        replace(scale, batch_size=min(scale.batch_size, effort.cpu_batch)) for scale in config.screening.scales
    )
    return replace(config, screening=replace(config.screening, scales=scales), augmentation_start=0)


def sizes(effort: Effort) -> set[int]:
    """Patch sizes that are trained."""
    return {scale.patch_size for scale in effort.scales}


def iteration_of(run: TrainingRun, store: CaseStore) -> tuple[float, float]:
    """Median seconds of an iteration, and the share of all of them spent waiting, from the journal of a training."""
    scale_run = replace(run, folder=run.folder / str(run.scale.patch_size))
    train(scale_run, store)
    lines = [json.loads(line) for line in (scale_run.folder / JOURNAL).read_text(encoding="utf-8").splitlines()]
    timed = lines[WARM_UP:]
    seconds = [line["seconds"] for line in timed]
    waited = sum(line["data_wait_share"] * line["seconds"] for line in timed)
    return statistics.median(seconds), waited / sum(seconds)


def flops_of_a_patch(scale: ScaleSpec, network: NetworkSpec) -> int:
    """Floating-point operations of one patch, forward and backward, all heads; counted without computing them."""
    with torch.device("meta"):
        model = SegmentationNetwork(scale, network)
        image = torch.zeros(1, 1, *(scale.patch_size,) * 3)
    with FlopCounterMode(display=False) as counter:
        torch.stack([head.sum() for head in model.with_auxiliary(image)]).sum().backward()
    return int(counter.get_total_flops())


def peak_flops(device: str, precision: str) -> float:
    """What a large square matrix product reaches, the best of several."""
    side = 8192 if device == "cuda" else 1536
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[precision]
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    wait = torch.cuda.synchronize if device == "cuda" else partial(int, 0)
    times = []
    for _ in range(10):
        wait()
        started = time.perf_counter()
        left @ right
        wait()
        times.append(time.perf_counter() - started)
    return 2 * side**3 / min(times)


if __name__ == "__main__":
    main()
