"""A volume of the paper's average size, 512 x 512 x 667, and networks that know it: for memory and bookkeeping only.

Every voxel carries its label in its HU, so a network of a few comparisons answers in no time, and what is measured is
everything around the network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import HUWindow
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry

SHAPE = (667, 512, 512)
SPACING_MM = (0.7, 0.7, 0.5)
SOFT_TISSUE_HU, PANCREAS_HU, TUMOR_HU = 0, 100, 200
NOISE_HU = 20  # less than what would change a label


def large_ct(slices: int = SHAPE[0]) -> CTVolume:
    """An elliptic body with a gland of 150 x 80 x 120 voxels and a tumor of 40^3 in it, in the middle."""
    shape = (slices, *SHAPE[1:])
    hu = np.empty(shape, np.int16)
    y, x = np.ogrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    inside = (y / 0.65) ** 2 + (x / 0.9) ** 2 < 1
    body = np.where(inside, SOFT_TISSUE_HU, AIR_HU).astype(np.int16)
    rng = np.random.default_rng(0)
    for plane in hu:  # no slice equals another: the reader of scans would refuse that
        plane[:] = body + rng.integers(-NOISE_HU, NOISE_HU + 1, shape[1:], np.int16) * inside
    z = slices // 2
    hu[z - 60 : z + 60, 220:300, 180:330] += PANCREAS_HU
    hu[z - 20 : z + 20, 240:280, 200:240] += TUMOR_HU - PANCREAS_HU
    return CTVolume(hu, Geometry(shape, SPACING_MM))


class ReadingNetwork:
    """Probability 0.9 for the label that the HU stand for."""

    def __init__(self, batch_size: int = 8) -> None:
        self.batch_size = batch_size

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        intensity = HUWindow()
        pancreas_from, tumor_from = ((hu - intensity.mean_hu) / intensity.std_hu for hu in (50, 150))
        answer = np.full((len(windows), 3, *windows.shape[1:]), 0.05, np.float32)
        answer[:, 0][windows < pancreas_from] = 0.9
        answer[:, 1][(windows >= pancreas_from) & (windows < tumor_from)] = 0.9
        answer[:, 2][windows >= tumor_from] = 0.9
        return answer


class GreedyNetwork:
    """Calls every voxel pancreas, so that the ROI is the whole volume: the most that a screening can need."""

    def __init__(self, batch_size: int = 8) -> None:
        self.batch_size = batch_size

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        answer = np.array([0.05, 0.9, 0.05], np.float32)[:, np.newaxis, np.newaxis, np.newaxis]
        return np.broadcast_to(answer, (len(windows), 3, *windows.shape[1:]))
