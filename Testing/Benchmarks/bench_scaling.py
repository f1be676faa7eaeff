"""How the cost of a coarse scan grows with the body: the fast protocol over bodies of 10 to 350 million voxels.

A network of width 1 stands for the work of the networks, a network that costs nothing for everything around them. Every
volume is the same elliptic body in air, scaled; processor seconds, since other work on the machine changes them least.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import benchmark_page
import matplotlib
import numpy as np
import torch
from large_volume import ReadingNetwork
from numpy.typing import NDArray

from PDACScreeningLib.config import PAPER_SCALES, NetworkSpec, ScreeningConfig
from PDACScreeningLib.inference.coarse_to_fine import windows_of
from PDACScreeningLib.inference.sliding_window import WindowNetwork, scan_slabs
from PDACScreeningLib.inference.window_plan import plan_windows
from PDACScreeningLib.network.runtime import Runtime, resolve_device
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.volume.ct_volume import AIR_HU

SCRIPT = "bench_scaling.py"
CONFIG = ScreeningConfig()
COARSE = PAPER_SCALES[0]
BODY_MEGAVOXELS = (10, 35, 90, 175, 350)
BODY_AXES = (0.65, 0.9)  # of the ellipse, as parts of y and x


@dataclass(frozen=True)
class Point:
    """One volume."""

    body_megavoxels: float
    windows: int
    skipped: int
    processor_s: float


def main() -> None:
    """Measure, print, draw, and add to the page when there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="Markdown page to add the figures to")
    parser.add_argument("--picture", type=Path, help="SVG file for the plot")
    parser.add_argument("--thin-up-to", type=float, default=350, help="largest body for the network of width 1, Mvoxel")
    arguments = parser.parse_args()
    runtime = resolve_device("cpu")
    series = {
        "width 1": [measure(size, thin_network(runtime)) for size in BODY_MEGAVOXELS if size <= arguments.thin_up_to],
        "free": [measure(size, ReadingNetwork()) for size in BODY_MEGAVOXELS],
    }
    machine = benchmark_page.machine(f"cpu {runtime.precision}, {torch.get_num_threads()} threads")
    content = "\n".join([machine, "", *(as_table(name, points) for name, points in series.items())])
    print(content)
    if arguments.picture:
        draw(series, arguments.picture)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def thin_network(runtime: Runtime) -> WindowNetwork:
    """Random weights; what it says does not matter."""
    torch.manual_seed(0)
    return WindowPredictor(SegmentationNetwork(COARSE, NetworkSpec(base_width=1)), runtime)


def measure(megavoxels: float, network: WindowNetwork) -> Point:
    """The coarse scan of a volume, its slabs thrown away."""
    hu = body(megavoxels)
    started = time.process_time()
    plan = plan_windows(hu, COARSE, windows_of(COARSE, CONFIG, "fast"), CONFIG)
    for _ in scan_slabs(plan, network, COARSE, CONFIG, stage="", on_progress=ignore_progress):
        pass
    seconds = time.process_time() - started
    return Point(np.count_nonzero(hu > AIR_HU) / 1e6, len(plan.corners), plan.skipped, seconds)


def body(megavoxels: float) -> NDArray[np.int16]:
    """An elliptic cylinder of so many voxels in 2.2 times as many, the proportions of the paper's average scan."""
    share = math.pi / 4 * math.prod(BODY_AXES)
    scale = (megavoxels * 1e6 / share / (667 * 512 * 512)) ** (1 / 3)
    z, y, x = (round(scale * length) for length in (667, 512, 512))
    rows, columns = np.ogrid[-1 : 1 : y * 1j, -1 : 1 : x * 1j]
    inside = (rows / BODY_AXES[0]) ** 2 + (columns / BODY_AXES[1]) ** 2 < 1
    return np.broadcast_to(np.where(inside, np.int16(40), np.int16(AIR_HU)), (z, y, x))


def as_table(name: str, points: Sequence[Point]) -> str:
    """Seconds a million voxels: constant where the cost is linear."""
    rows = [
        [
            f"{p.body_megavoxels:.0f}",
            p.windows,
            p.skipped,
            f"{p.processor_s:.1f}",
            f"{p.processor_s / p.body_megavoxels:.3f}",
        ]
        for p in points
    ]
    header = ["body Mvoxels", "windows", "skipped", "processor s", "s a Mvoxel of body"]
    return benchmark_page.table(f"Coarse scan, fast protocol, network: {name}", header, rows)


def draw(series: dict[str, list[Point]], path: Path) -> None:
    """Seconds over body voxels; a straight line through the origin is linear growth."""
    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for (name, points), marker in zip(series.items(), "os", strict=True):
        axes.plot(
            [p.body_megavoxels for p in points],
            [p.processor_s for p in points],
            marker=marker,
            label=f"network: {name}",
        )
    axes.set(xlabel="body, million voxels", ylabel="processor seconds", xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
