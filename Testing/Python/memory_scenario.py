"""A whole screening in a process of its own: how much memory it takes, in bytes a voxel of the scan.

A scan from file to result folder, on a coarse working grid, so that what is counted are the arrays of the scan's own
grid (docs/architecture.md, "Arrays of a scan's size"). Prints the peak of the reading, of the screening and of the
writing, each above what the process held before the scan.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path

import fake_network
import numpy as np
import PIL.Image  # noqa: F401  # before memory is counted
import SimpleITK as sitk

from PDACScreeningLib.config import PAPER_SCALES, ScreeningConfig
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.report import screening_report  # noqa: F401  # likewise
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.session.answer import Answer, bound, write_answer

SHAPE = (200, 512, 512)


def large_scan(path: Path) -> None:
    """An elliptic body of tissue that differs from slice to slice, a gland in it and a tumor in that."""
    y, x = np.ogrid[-1 : 1 : SHAPE[1] * 1j, -1 : 1 : SHAPE[2] * 1j]
    body = np.where((y / 0.65) ** 2 + (x / 0.9) ** 2 < 1, 0, -1024)
    hu = np.empty(SHAPE, np.int16)
    noise = np.random.default_rng(0).integers(-20, 20, SHAPE[1:])
    for z, plane in enumerate(hu):
        plane[:] = body + np.roll(noise, (5 * z, 3 * z), (0, 1))
    hu[70:130, 230:290, 200:300] += fake_network.PANCREAS_HU
    hu[95:105, 250:270, 230:260] += fake_network.TUMOR_HU - fake_network.PANCREAS_HU
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((0.7, 0.7, 0.7))
    sitk.WriteImage(image, str(path))


def peak_bytes() -> int:
    """The most this process ever held since the mark was last taken back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def forget_peak() -> None:
    """Take the mark back to what is held now."""
    Path("/proc/self/clear_refs").write_text("5")


def main(folder: Path) -> None:
    """Print the three peaks as JSON, in bytes a voxel."""
    networks = {scale.patch_size: fake_network.DecodingNetwork(batch_size=1) for scale in PAPER_SCALES}
    for network in networks.values():
        network.windows = _Nothing()
    forget_peak()
    before, peaks = peak_bytes(), {}
    read = read_scan(folder / "scan.nii")
    peaks["reading"] = peak_bytes()
    forget_peak()
    screened = screen(read.volume, networks, ScreeningConfig(working_spacing_mm=3.0, roi_margin_voxels=8))
    answer = bound(Answer(screened.screening, read.volume, screened.label_map, screened.probability))
    peaks["screening"] = peak_bytes()
    forget_peak()
    write_answer(answer, folder / "result", shield=nullcontext, on_progress=ignore_progress)
    peaks["writing"] = peak_bytes()
    assert answer.screening.tumor_voxels > 50
    sys.stdout.write(json.dumps({step: (peak - before) / read.volume.hu.size for step, peak in peaks.items()}))


class _Nothing(list):
    """The windows that a `DecodingNetwork` remembers take memory."""

    def extend(self, windows):
        """Forget them."""


if __name__ == "__main__":
    large_scan(Path(sys.argv[1]) / "scan.nii")
    main(Path(sys.argv[1]))
