"""The coarse scan side by side: one network, one volume, one run (`make bench`).

MONAI's sliding_window_inference as its users run it (eager, float32, batch normalization not folded) and nnU-Net's
predictor, where it is installed, against our exact and fast protocol. Ratios are of processor seconds on a CPU, which
other work on the machine changes least, and of wall seconds on a GPU; every way runs in turn, medians are shown. Then
whether the precision that is used says the same as float32, over several phantoms.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from PDACScreeningLib.evaluation.case_result import dice
from PDACScreeningLib.inference.coarse_to_fine import most_likely_labels, windows_of
from PDACScreeningLib.inference.sliding_window import scan
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_directory import Model, load_model
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
PHANTOM_SEEDS = range(5, 11)  # every other one with a tumor
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
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    runtime = resolve_device(arguments.device)
    machine = benchmark_page.machine(f"{runtime.description} {runtime.precision}, {torch.get_num_threads()} threads")
    rounds = arguments.rounds
    tables = [trained(runtime, rounds), full_width(runtime, arguments.side, rounds), rounding(runtime)]
    content = "\n".join([machine, f"Medians of {rounds} rounds.", "", *tables])
    print(content)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def trained(runtime: Runtime, rounds: int) -> str:
    """The demo model's coarse network on a phantom: what the protocols cost and whether they say the same."""
    model = demo_model()
    hu = phantom(PHANTOM_SEEDS[0], model)
    rows = side_by_side(hu, model.networks[COARSE.patch_size], model.config, runtime, rounds)
    title = f"Demo model's coarse network (base width {model.config.network.base_width})"
    return as_table(title, hu, rows, runtime, compare=True)


def full_width(runtime: Runtime, side: int, rounds: int) -> str:
    """A network of the default width with random weights, as slow as a trained one; its labels say nothing."""
    torch.manual_seed(0)
    config = ScreeningConfig()
    network = SegmentationNetwork(COARSE, NetworkSpec()).eval()
    hu = np.random.default_rng(0).integers(-90, 200, (side,) * 3, dtype=np.int16)
    rows = side_by_side(hu, network, config, runtime, rounds)
    return as_table("Base width 32, random weights", hu, rows, runtime, compare=False)


def rounding(runtime: Runtime) -> str:
    """Every window in the precision that is used and in float32: the coarse network of the demo on several phantoms."""
    model = demo_model()
    network = model.networks[COARSE.patch_size]
    precisions = (runtime, Runtime(runtime.device, "fp32"))
    predictors = [WindowPredictor(network, precision) for precision in precisions]
    used: list[NDArray[np.uint8]] = []
    exact: list[NDArray[np.uint8]] = []
    for seed in PHANTOM_SEEDS:
        hu = phantom(seed, model)
        for answers, predictor in zip((used, exact), predictors, strict=True):
            scanned = scan(hu, predictor, COARSE, model.config, stage="", on_progress=ignore_progress)
            answers.append(most_likely_labels(scanned.foreground).ravel())
    cases = [
        *zip(map(str, PHANTOM_SEEDS), used, exact, strict=True),
        ("all", np.concatenate(used), np.concatenate(exact)),
    ]
    rows = [
        [name, np.count_nonzero(b > 0), agreement(a > 0, b > 0), np.count_nonzero(b == 2), agreement(a == 2, b == 2)]
        for name, a, b in cases
    ]
    header = ["phantom seed", "foreground voxels in fp32", "Dice", "tumor voxels in fp32", "Dice"]
    return benchmark_page.table(f"exact in {runtime.precision} beside exact in fp32", header, rows)


def demo_model() -> Model:
    """The model that is delivered."""
    return load_model(find_model("demo-phantom").folder)


def phantom(seed: int, model: Model) -> NDArray[np.int16]:
    """(z, y, x) HU on the model's grid; odd seeds have a tumor of 40 mm, even ones none."""
    ct = generate(random_specification(seed, tumor_diameter_mm=40.0 if seed % 2 else None)).ct
    return working_grid(ct.geometry, model.config.working_spacing_mm).to_working(ct).hu


def side_by_side(
    hu: NDArray[np.int16], network: SegmentationNetwork, config: ScreeningConfig, runtime: Runtime, rounds: int
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
        windows = windows_of(config.scales[0], config, name)
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
        times = [[timed(name, way) for name, way in ways] for _ in range(rounds)]
    return [median_of(way) for way in zip(*times, strict=True)]


def as_foreground(probabilities: Tensor) -> NDArray[np.float32]:
    """(3, z, y, x) on any device -> (2, z, y, x) without background."""
    foreground: NDArray[np.float32] = probabilities[1:].float().cpu().numpy()
    return foreground


def median_of(rounds: Sequence[Timed]) -> Timed:
    """Median seconds; the labels are the same in every round."""
    wall_s, processor_s = (statistics.median(getattr(r, name) for r in rounds) for name in ("wall_s", "processor_s"))
    return replace(rounds[0], wall_s=wall_s, processor_s=processor_s)


def timed(name: str, way: Answer) -> Timed:
    """Once, without a warm-up: a screening has none either."""
    wall, processor = time.perf_counter(), time.process_time()
    foreground = way()
    return Timed(name, time.perf_counter() - wall, time.process_time() - processor, most_likely_labels(foreground))


def as_table(title: str, hu: NDArray[np.int16], rows: list[Timed], runtime: Runtime, compare: bool) -> str:
    """Ratio to the first row and, to compare what they say, Dice with its labels."""
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
    if not compare:
        header, cells = header[:4], [cell[:4] for cell in cells]
    return benchmark_page.table(f"{title}, {shape} voxels", header, cells)


def agreement(labels: NDArray[np.bool_], reference: NDArray[np.bool_]) -> str:
    """Dice, or nothing where both are empty."""
    value = dice(labels, reference)
    return "" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    main()
