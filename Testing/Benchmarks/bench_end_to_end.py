"""A whole screening with its reading and writing: the paper's average scan, networks of full cost.

The networks have random weights and compute everything, but what they say is read off the Hounsfield units, so that the
ROI and the findings are those of a scan with a gland and a tumor. Floor: counted floating-point operations over what a
matrix product reaches in the same precision. On a GPU: `--device cuda --protocol exact`; on a CPU cut it: `--slices`.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import benchmark_page
import numpy as np
import SimpleITK as sitk
import torch
from large_volume import SHAPE, large_ct
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from PDACScreeningLib.config import PAPER_SCALES, PROTOCOLS, HUWindow, NetworkSpec, ScaleSpec, ScreeningConfig
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.network.runtime import Runtime, resolve_device
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.session.answer import Answer, write_answer
from PDACScreeningLib.volume.intensity import normalize

SCRIPT = "bench_end_to_end.py"
GEMM_SIDE, GEMM_REPEATS = 4096, 5


class CostlyNetwork(WindowPredictor):
    """Computes what a real network does, and answers what the Hounsfield units say. Counts the voxels."""

    def __init__(self, scale: ScaleSpec, base_width: int, runtime: Runtime) -> None:
        torch.manual_seed(0)
        self.network = SegmentationNetwork(scale, NetworkSpec(base_width=base_width)).eval()
        super().__init__(self.network, runtime)
        self.voxels = 0

    def answers(self, windows: Sequence[Tensor]) -> Tensor:
        together = torch.cat(tuple(windows))
        super().answers([together])
        self.voxels += together.numel()
        return read_off(together)


def read_off(windows: Tensor) -> Tensor:
    """As ReadingNetwork, on the device: (n, z, y, x) intensities -> (n, 3, z, y, x) with 0.9 for what they say."""
    not_background, tumor = windows >= normalized(50), windows >= normalized(150)
    return 0.05 + 0.85 * torch.stack((~not_background, not_background & ~tumor, tumor), dim=1).float()


def normalized(hu: int) -> float:
    """What the networks see of some HU."""
    return float(normalize(np.array(hu, np.int16), HUWindow()))


def main() -> None:
    """Measure, print, and add to the page when there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="Markdown page to add the figures to")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="fast")
    parser.add_argument("--slices", type=int, default=SHAPE[0])
    parser.add_argument("--base-width", type=int, default=NetworkSpec().base_width)
    parser.add_argument("--working-spacing-mm", type=float, help="default: the scan's own grid")
    parser.add_argument("--memory-gib", type=float, help="ceiling for the networks, as of `screen --memory-gib`")
    arguments = parser.parse_args()
    runtime = resolve_device(arguments.device, memory_gib=arguments.memory_gib)
    content = "\n".join(
        [benchmark_page.machine(f"{runtime.description} {runtime.precision}, {torch.get_num_threads()} threads"), ""]
        + [measured(arguments, runtime)]
    )
    print(content)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def measured(arguments: argparse.Namespace, runtime: Runtime) -> str:
    """Read, screen and write one scan."""
    config = ScreeningConfig(working_spacing_mm=arguments.working_spacing_mm)
    networks = {scale.patch_size: CostlyNetwork(scale, arguments.base_width, runtime) for scale in PAPER_SCALES}
    with tempfile.TemporaryDirectory() as folder:
        path, result = Path(folder) / "scan.nii.gz", Path(folder) / "result"
        result.mkdir()
        write_scan(path, arguments.slices)
        before_gib = resident_gib()
        wall, processor = time.perf_counter(), time.process_time()
        read = read_scan(path)
        screened = screen(read.volume, networks, config, protocol=arguments.protocol)
        answer = Answer(screened.screening, read.volume, screened.label_map, screened.probability)
        write_answer(answer, result, shield=nullcontext, on_progress=ignore_progress)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    operations = sum(network.voxels * operations_a_voxel(network) for network in networks.values())
    floor_s = operations / peak_operations_a_second(runtime)
    rows: list[Sequence[object]] = [
        ["voxels computed (millions)", ", ".join(f"{size}^3: {n.voxels / 1e6:.0f}" for size, n in networks.items())],
        ["operations", f"{operations / 1e12:.1f} TFLOP"],
        ["floor", f"{floor_s:.1f} s"],
        ["wall", f"{wall:.1f} s ({floor_s / wall:.0%} of it the floor)"],
        ["processor", f"{processor:.1f} s"],
        ["peak memory, above the interpreter with its libraries", f"{peak_gib - before_gib:.2f} GiB"],
        ["memory steps taken", sum(len(network.memory_steps) for network in networks.values())],
        *([stage, f"{seconds:.1f} s"] for stage, seconds in screened.screening.timings_s.items()),
    ]
    if runtime.device == "cuda":
        rows.append(["peak memory of the GPU", f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB"])
    size = "x".join(map(str, (arguments.slices, *SHAPE[1:])))
    return benchmark_page.table(f"{size}, base width {arguments.base_width}, {arguments.protocol}", ["", ""], rows)


def write_scan(path: Path, slices: int) -> None:
    """The large volume as a file."""
    ct = large_ct(slices)
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=1)


def resident_gib() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**30


def operations_a_voxel(network: CostlyNetwork) -> float:
    """Floating-point operations a voxel of a window, counted on one."""
    side = network.network.scale.patch_size
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.network(torch.zeros(1, 1, side, side, side))
    return float(counter.get_total_flops()) / side**3


def peak_operations_a_second(runtime: Runtime) -> float:
    """Of a matrix product in the precision of the networks: what this machine can do, the best of a few."""
    side = GEMM_SIDE if runtime.device == "cuda" else GEMM_SIDE // 4
    one = torch.randn(side, side, device=runtime.device, dtype=runtime.dtype)
    best_s = float("inf")
    for _ in range(GEMM_REPEATS + 1):
        started = time.perf_counter()
        float((one @ one)[0, 0])  # waits for the device
        best_s = min(best_s, time.perf_counter() - started)
    return 2 * side**3 / best_s


if __name__ == "__main__":
    main()
