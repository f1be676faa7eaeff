"""The coarse scan side by side: one network, one volume, one run (`make bench`).

MONAI's sliding_window_inference as its users run it (eager, float32, batch normalization not folded) and nnU-Net's
predictor, where it is installed, against our exact and fast protocol. Ratios are of processor seconds on a CPU, which
other work on the machine changes least, and of wall seconds on a GPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import benchmark_page
import numpy as np
import torch
from monai.inferers import sliding_window_inference
from nnunet_predictor import nnunet_predictor
from numpy.typing import NDArray
from torch import Tensor

from PDACScreeningLib.config import PAPER_SCALES, NetworkSpec, ProtocolName, ScreeningConfig
from PDACScreeningLib.evaluation.dice import dice
from PDACScreeningLib.inference.coarse_to_fine import most_likely_labels
from PDACScreeningLib.inference.sliding_window import scan
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.runtime import Runtime, resolve_device
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.volume.intensity import normalize
from PDACScreeningLib.volume.working_grid import working_grid

SCRIPT = "bench_protocols.py"
COARSE = PAPER_SCALES[0]
Answer = Callable[[], NDArray[np.float32]]  # (2, z, y, x): probability of pancreas and of tumor


@dataclass(frozen=True)
class Timed:
    """One way through the volume."""

    name: str
    wall_s: float
    processor_s: float
    labels: NDArray[np.uint8]


def main() -> None:
    """Measure, print, and add to the page when there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="Markdown page to add the figures to")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--side", type=int, default=104, help="of the cube for the network of base width 32")
    arguments = parser.parse_args()
    runtime = resolve_device(arguments.device)
    machine = benchmark_page.machine(f"{runtime.description} {runtime.precision}, {torch.get_num_threads()} threads")
    content = "\n".join([machine, "", trained(runtime), full_width(runtime, arguments.side)])
    print(content)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def trained(runtime: Runtime) -> str:
    """The demo model's coarse network on a phantom: what the protocols cost and whether they say the same."""
    model = load_model(find_model("demo-phantom").folder)
    ct = generate(random_specification(5, tumor_diameter_mm=40.0)).ct
    hu = working_grid(ct.geometry, model.config.working_spacing_mm).to_working(ct).hu
    rows = side_by_side(hu, model.networks[COARSE.patch_size], model.config, runtime)
    return as_table(f"Demo model's coarse network (base width {model.config.network.base_width})", hu, rows, runtime)


def full_width(runtime: Runtime, side: int) -> str:
    """A network of the default width with random weights, as slow as a trained one; its labels say nothing."""
    torch.manual_seed(0)
    config = ScreeningConfig()
    network = SegmentationNetwork(COARSE, NetworkSpec()).eval()
    hu = np.random.default_rng(0).integers(-90, 200, (side,) * 3, dtype=np.int16)
    return as_table("Base width 32, random weights", hu, side_by_side(hu, network, config, runtime), runtime)


def side_by_side(
    hu: NDArray[np.int16], network: SegmentationNetwork, config: ScreeningConfig, runtime: Runtime
) -> list[Timed]:
    """MONAI first: the others are compared with it."""
    ours = WindowPredictor(network, runtime)
    network = network.to(runtime.device)
    image = torch.from_numpy(normalize(hu, config.intensity))[None, None].to(runtime.device)

    def monai() -> NDArray[np.float32]:
        mean = sliding_window_inference(
            image, (COARSE.patch_size,) * 3, 1, lambda x: network(x).softmax(1), overlap=1 - 20 / 64, mode="constant"
        )
        return as_foreground(mean[0])

    def protocol(name: ProtocolName) -> Answer:
        windows = config.windows(config.scales[0], name)
        return lambda: (
            scan(hu, ours, config.scales[0], config, stage="", on_progress=ignore_progress, windows=windows).foreground
        )

    ways: list[tuple[str, Answer]] = [
        ("MONAI, every window, eager fp32", monai),
        (f"exact, {runtime.precision}", protocol("exact")),
        (f"fast, {runtime.precision}", protocol("fast")),
    ]
    nnunet = nnunet_predictor(network, COARSE.patch_size, runtime.device)
    if nnunet is not None:
        ways.append(
            ("nnU-Net's predictor, step 0.5, Gaussian, eager fp32", lambda: as_foreground(nnunet(image[0]).softmax(0)))
        )
    with torch.inference_mode():
        return [timed(name, way) for name, way in ways]


def as_foreground(probabilities: Tensor) -> NDArray[np.float32]:
    """(3, z, y, x) on any device -> (2, z, y, x) without background."""
    foreground: NDArray[np.float32] = probabilities[1:].float().cpu().numpy()
    return foreground


def timed(name: str, way: Answer) -> Timed:
    """Once, without a warm-up: a screening has none either."""
    wall, processor = time.perf_counter(), time.process_time()
    foreground = way()
    return Timed(name, time.perf_counter() - wall, time.process_time() - processor, most_likely_labels(foreground))


def as_table(title: str, hu: NDArray[np.int16], rows: list[Timed], runtime: Runtime) -> str:
    """Ratio to the first row, and Dice with its labels."""
    first = rows[0]
    on_gpu = runtime.device != "cpu"
    cells = [
        [
            row.name,
            f"{row.wall_s:.1f}",
            f"{row.processor_s:.1f}",
            f"{first.wall_s / row.wall_s if on_gpu else first.processor_s / row.processor_s:.1f}",
            agreement(row.labels > 0, first.labels > 0),
            agreement(row.labels == 2, first.labels == 2),
        ]
        for row in rows
    ]
    shape = "x".join(map(str, hu.shape))
    header = ["", "wall s", "processor s", "times faster", "Dice with MONAI: foreground", "tumor"]
    return benchmark_page.table(f"{title}, {shape} voxels", header, cells)


def agreement(labels: NDArray[np.bool_], reference: NDArray[np.bool_]) -> str:
    """Dice, or nothing where both are empty."""
    value = dice(labels, reference)
    return "" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    main()
