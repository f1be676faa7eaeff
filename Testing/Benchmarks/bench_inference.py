"""Time and memory of screening, as Markdown tables (`make bench`), or with --quick in about a minute.

Windows: one window through the network, per scale and width. Coarse scan: ours beside a naive loop with the same
network. Memory: peak of a whole screening above its volume, in a process of its own (Linux only).
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import benchmark_page
import numpy as np
import torch
from large_volume import GreedyNetwork, ReadingNetwork, large_ct
from numpy.typing import NDArray

from PDACScreeningLib.config import PAPER_SCALES, NetworkSpec, ScaleSpec, ScreeningConfig
from PDACScreeningLib.inference.findings import find_tumors
from PDACScreeningLib.inference.postprocessing import keep_large_components
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.inference.sliding_window import WindowScan, scan
from PDACScreeningLib.inference.window_plan import window_starts
from PDACScreeningLib.network.runtime import Runtime, resolve_device
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.intensity import normalize

SCRIPT = "bench_inference.py"
CONFIG = ScreeningConfig()
MIB, GIB = 2**20, 2**30


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller volumes and networks")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--page", type=Path, help="Markdown page to add the figures to")
    arguments = parser.parse_args()
    runtime = resolve_device(arguments.device)
    threads = f", {torch.get_num_threads()} threads" if runtime.device == "cpu" else ""
    slices = 128 if arguments.quick else 667
    tables = [
        memory_table(slices),
        after_the_networks_table(slices),
        windows_table(runtime, widths=(12,) if arguments.quick else (12, 32)),
        coarse_scan_table(runtime, shape=(84, 84, 84) if arguments.quick else (104, 124, 124)),
    ]
    machine = benchmark_page.machine(f"{runtime.description} {runtime.precision}{threads}")
    content = "\n".join([machine, "", *tables])
    print(content)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Median wall time; the first call warms up and does not count."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


# ---- the networks ----------------------------------------------------------------------------------------------


def predictor(scale: ScaleSpec, width: int, runtime: Runtime) -> WindowPredictor:
    """A network with random weights: as slow as a trained one."""
    torch.manual_seed(0)
    return WindowPredictor(SegmentationNetwork(scale, NetworkSpec(base_width=width)), runtime)


def windows_table(runtime: Runtime, widths: Sequence[int]) -> str:
    """Milliseconds for one window, at the batch size that screening uses."""
    rows = []
    for width in widths:
        for scale in PAPER_SCALES:
            network = predictor(scale, width, runtime)
            windows = np.zeros((network.batch_size, *(scale.patch_size,) * 3), np.float32)
            seconds = median_s(lambda network=network, windows=windows: network(windows), repeats=5)
            each_s = seconds / len(windows)
            rows.append([width, f"{scale.patch_size}^3", len(windows), f"{1000 * each_s:.1f}", f"{1 / each_s:.1f}"])
    return benchmark_page.table(
        "One window", ["base width", "window", "batch", "ms a window", "windows a second"], rows
    )


def naive_scan(hu: NDArray[np.int16], network: WindowPredictor, scale: ScaleSpec) -> NDArray[np.float32]:
    """The paper's sentence as three loops: every window, one at a time, all three classes summed and counted."""
    size = scale.patch_size
    image = normalize(hu, CONFIG.intensity)
    total, count = np.zeros((3, *hu.shape), np.float32), np.zeros(hu.shape, np.float32)
    for z in window_starts(hu.shape[0], size, scale.stride):
        for y in window_starts(hu.shape[1], size, scale.stride):
            for x in window_starts(hu.shape[2], size, scale.stride):
                here = np.s_[z : z + size, y : y + size, x : x + size]
                total[(slice(None), *here)] += network(image[here][None])[0]
                count[here] += 1
    return (total / count)[1:]


def coarse_scan_table(runtime: Runtime, shape: tuple[int, int, int]) -> str:
    """The coarse scan of a volume that is air but for a fifth, alternated with the naive loop."""
    coarse = PAPER_SCALES[0]
    network = predictor(coarse, width=12, runtime=runtime)
    hu = np.random.default_rng(0).integers(-90, 200, shape, dtype=np.int16)
    hu[:, : shape[1] * 4 // 5] = AIR_HU
    body = hu > CONFIG.body_threshold_hu

    def ours() -> WindowScan:
        return scan(hu, network, coarse, CONFIG, stage="bench", on_progress=ignore_progress)

    scanned, naive = ours(), naive_scan(hu, network, coarse)
    difference = np.abs(scanned.foreground[:, body] - naive[:, body]).max()
    times = [(median_s(ours, 1), median_s(lambda: naive_scan(hu, network, coarse), 1)) for _ in range(2)]
    ours_s, naive_s = (statistics.median(column) for column in zip(*times, strict=True))
    windows = scanned.windows + scanned.windows_skipped
    rows = [
        ["naive loop", windows, f"{naive_s:.2f}", f"{1000 * naive_s / windows:.0f}", ""],
        ["scan", scanned.windows, f"{ours_s:.2f}", f"{1000 * ours_s / scanned.windows:.0f}", f"{difference:.1e}"],
    ]
    title = f"Coarse scan of {'x'.join(map(str, shape))}, a fifth of it body, base width 12"
    return benchmark_page.table(title, ["", "windows run", "s", "ms a window", "largest difference in the body"], rows)


# ---- everything but the networks ---------------------------------------------------------------------------------


def after_the_networks_table(slices: int) -> str:
    """Component filter and findings on a volume of the paper's size."""
    ct = large_ct(slices)
    labels = np.digitize(ct.hu, (50, 150)).astype(np.uint8)
    probability = np.full(labels.shape, 0.9, np.float32)
    rows = [
        ["component filter", f"{median_s(lambda: keep_large_components(labels, min_fraction=0.2), 3):.2f}"],
        ["findings", f"{median_s(lambda: find_tumors(labels, probability, ct), 3):.2f}"],
    ]
    return benchmark_page.table(f"After the networks, whole volume of 512x512x{slices}", ["step", "s"], rows)


def memory_table(slices: int) -> str:
    """Peak above the volume, of screenings whose networks cost nothing."""
    if not Path("/proc/self/status").exists():
        return "Memory: not measured, /proc is needed.\n"
    rows = []
    for spacing_mm, greedy in ((None, False), (1.0, False), (None, True)):
        with multiprocessing.get_context("spawn").Pool(1) as process:
            rows.append(process.apply(measure_memory, (slices, spacing_mm, greedy)))
    header = [
        "working spacing",
        "called pancreas",
        "volume MiB",
        "peak above it GiB",
        "s",
        "windows run",
        "tumor voxels",
    ]
    return benchmark_page.table(f"Memory of screening 512x512x{slices}, networks that cost nothing", header, rows)


def measure_memory(slices: int, spacing_mm: float | None, greedy: bool) -> list[str]:
    """A row of the memory table; call it in a fresh process. greedy: networks that call everything pancreas."""
    ct = large_ct(slices)
    before = memory_bytes("VmRSS")
    started = time.perf_counter()
    networks = {scale.patch_size: GreedyNetwork() if greedy else ReadingNetwork() for scale in PAPER_SCALES}
    answer = screen(ct, networks, ScreeningConfig(working_spacing_mm=spacing_mm)).screening
    seconds = time.perf_counter() - started
    return [
        "native" if spacing_mm is None else f"{spacing_mm} mm",
        "everything" if greedy else "the gland",
        f"{ct.hu.nbytes / MIB:.0f}",
        f"{(memory_bytes('VmHWM') - before) / GIB:.2f}",
        f"{seconds:.0f}",
        str(sum(scale.windows for scale in answer.scales)),
        str(answer.tumor_voxels),
    ]


def memory_bytes(name: str) -> int:
    """VmRSS (now) or VmHWM (peak) of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")


if __name__ == "__main__":
    main()
