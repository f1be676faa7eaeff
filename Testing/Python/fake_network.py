"""Networks without weights: what they answer can be worked out by pencil.

A volume made by `coded` carries its label map in its Hounsfield units; `DecodingNetwork` reads it back.
"""

import numpy as np

from PDACScreeningLib.config import HUWindow
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

BODY_HU, PANCREAS_HU, TUMOR_HU = 0, 100, 200


def coded(labels, geometry=None):
    """A CT whose HU say which label each voxel has."""
    hu = np.array([BODY_HU, PANCREAS_HU, TUMOR_HU], np.int16)[labels]
    return CTVolume(hu, geometry or Geometry(labels.shape, (1.0, 1.0, 1.0)))


def hounsfield(windows):
    """HU of normalized windows (within the default HU window)."""
    return windows * HUWindow().std_hu + HUWindow().mean_hu


def one_hot(labels, confidence):
    """(n, 3, z, y, x): `confidence` for the voxel's label, the rest shared by the two others."""
    answer = np.full((len(labels), 3, *labels.shape[1:]), (1 - confidence) / 2, np.float32)
    for label in Label:
        answer[:, label][labels == label] = confidence
    return answer


class DecodingNetwork:
    """Sees the label that `coded` wrote into each voxel, and remembers every window it was shown."""

    def __init__(self, batch_size=4, confidence=0.9):
        self.batch_size = batch_size
        self.confidence = confidence
        self.windows = []

    def __call__(self, windows):
        self.windows.extend(windows.copy())
        hu = hounsfield(windows)
        middle = (BODY_HU + PANCREAS_HU) / 2, (PANCREAS_HU + TUMOR_HU) / 2
        return one_hot(np.digitize(hu, middle), self.confidence)


class ConstantNetwork:
    """The same three probabilities everywhere."""

    def __init__(self, background, pancreas, tumor, batch_size=4):
        self.batch_size = batch_size
        self.probabilities = np.array([background, pancreas, tumor], np.float32)

    def __call__(self, windows):
        answer = np.empty((len(windows), 3, *windows.shape[1:]), np.float32)
        answer[:] = self.probabilities[:, None, None, None]
        return answer


class PlaceDependentNetwork:
    """Answers by intensity and by place in the window, as a real network with zero padding does."""

    def __init__(self, batch_size=4):
        self.batch_size = batch_size

    def __call__(self, windows):
        z, y, x = np.meshgrid(
            *(np.linspace(0, 1, length, dtype=np.float32) for length in windows.shape[1:]), indexing="ij"
        )
        scores = np.stack([0.3 * windows + z, np.sin(3 * windows) + 2 * y * x, windows - x], axis=1)
        weights = np.exp(scores)
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def air(shape):
    """A volume that holds no body."""
    return np.full(shape, AIR_HU, np.int16)
