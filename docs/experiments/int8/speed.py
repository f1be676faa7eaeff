"""int8 beside bfloat16 for networks of full width: `speed.py STORE` prints the tables of the README beside this file.

STORE: phantoms that activations are calibrated on. Random weights: they are as slow as trained ones. Every way runs in
turn on one thread; seconds are those of this process on the processor, so that other work of the machine does not
count. What needs to be installed: see `openvino_network.py`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from large_volume import ReadingNetwork, large_ct
from numpy.typing import NDArray
from openvino_network import BATCH_VOXELS, OpenVINONetwork, calibration_patches, converted, quantized
from torch_network import TorchInt8Network

from PDACScreeningLib.config import PAPER_SCALES, PROTOCOLS, NetworkSpec, ProtocolName, ScaleSpec, ScreeningConfig
from PDACScreeningLib.inference.coarse_to_fine import segment
from PDACScreeningLib.network.runtime import Runtime, use_threads
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.volume.geometry import ZYX
from PDACScreeningLib.volume.working_grid import working_grid

WIDTH, ROUNDS, CALIBRATION = 32, 9, 32
WORKING_SPACING_MM = 1.0
WAYS = ("torch bf16 (the library)", "OpenVINO bf16", "OpenVINO int8", "torch int8")


@dataclass(frozen=True)
class Load:
    """What one scan asks of one network: windows of one shape, and all their voxels."""

    protocol: ProtocolName
    patch_size: int
    window: ZYX
    voxels: int


class CountingNetwork(ReadingNetwork):
    """Answers what the Hounsfield units say, and counts what it is asked by shape of the window."""

    def __init__(self, patch_size: int) -> None:
        super().__init__(max(1, BATCH_VOXELS // patch_size**3))
        self.voxels: Counter[ZYX] = Counter()

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        z, y, x = windows.shape[1:]
        self.voxels[z, y, x] += windows.size
        return super().__call__(windows)


def main(store: Path) -> None:
    """Measure and print."""
    use_threads(1)
    loads = [load for protocol in PROTOCOLS for load in loads_of(protocol)]
    seconds: dict[Load, list[float]] = {}
    for scale in PAPER_SCALES:
        networks = ways(scale, store)
        for load in loads:
            if load.patch_size == scale.patch_size:
                seconds[load] = [s / windows_voxels(load) * load.voxels for s in timed(networks, load.window)]
        say(f"OpenVINO int8, {scale.patch_size}^3: {dict(Counter(networks[2].layers()))}")
    say(f"\nProcessor seconds, 512x512x667 at {WORKING_SPACING_MM:g} mm, width {WIDTH}; in brackets the ratio")
    say(f"| protocol | network | windows | Mvoxels | {' | '.join(WAYS)} |\n|---|---|---|---|{'---|' * len(WAYS)}")
    for protocol in PROTOCOLS:
        of_scan = {load: s for load, s in seconds.items() if load.protocol == protocol}
        for load, s in of_scan.items():
            size = "x".join(map(str, load.window))
            say(f"| {protocol} | {load.patch_size}^3 | {size} | {load.voxels / 1e6:.1f} | {beside(s)} |")
        say(f"| {protocol} | **all** | | | {beside([sum(s) for s in zip(*of_scan.values(), strict=True)])} |")


def loads_of(protocol: ProtocolName) -> list[Load]:
    """Of the benchmarks' large scan, a body with a gland and a tumor."""
    ct = large_ct()
    ct = working_grid(ct.geometry, WORKING_SPACING_MM).to_working(ct)
    networks = {scale.patch_size: CountingNetwork(scale.patch_size) for scale in PAPER_SCALES}
    segment(ct, networks, ScreeningConfig(working_spacing_mm=WORKING_SPACING_MM), protocol=protocol)
    return [
        Load(protocol, patch_size, window, voxels)
        for patch_size, network in networks.items()
        for window, voxels in network.voxels.items()
    ]


def ways(scale: ScaleSpec, store: Path) -> tuple[WindowPredictor, OpenVINONetwork, OpenVINONetwork, TorchInt8Network]:
    """The network of a scale in the ways of `WAYS`."""
    torch.manual_seed(0)
    network = SegmentationNetwork(scale, NetworkSpec(base_width=WIDTH)).eval()
    model, config = converted(network), ScreeningConfig()
    patches = calibration_patches(CaseStore(store).cases[:50], scale.patch_size, CALIBRATION, config.intensity)
    return (
        WindowPredictor(network, Runtime("cpu", "bf16")),
        OpenVINONetwork(model, scale.patch_size, "bf16"),
        OpenVINONetwork(quantized(model, patches), scale.patch_size, "int8"),
        TorchInt8Network(network, patches),
    )


def timed(networks: tuple[Callable[[NDArray[np.float32]], NDArray[np.float32]], ...], window: ZYX) -> list[float]:
    """Median processor seconds of a batch, one for each way; the first round warms up and does not count."""
    count = max(1, BATCH_VOXELS // int(np.prod(window)))
    windows = np.random.default_rng(0).standard_normal((count, *window), np.float32)
    rounds: list[list[float]] = []
    for _ in range(ROUNDS + 1):
        rounds.append([])
        for network in networks:
            began = time.process_time()
            network(windows)
            rounds[-1].append(time.process_time() - began)
    return [statistics.median(way) for way in zip(*rounds[1:], strict=True)]


def windows_voxels(load: Load) -> int:
    """Of the batch that `timed` runs."""
    voxels = int(np.prod(load.window))
    return max(1, BATCH_VOXELS // voxels) * voxels


def beside(seconds: list[float]) -> str:
    """Seconds of each way, and how many times faster than the first it is."""
    return " | ".join(f"{s:.1f} ({seconds[0] / s:.2f})" for s in seconds)


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
