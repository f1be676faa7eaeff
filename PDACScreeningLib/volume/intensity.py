"""Hounsfield units -> what the networks see (ADR 0003)."""

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import HUWindow
from PDACScreeningLib.volume.arrays import HU_ZYX


def normalize(hu: HU_ZYX, window: HUWindow) -> NDArray[np.float32]:
    """Clip to the window, then shift and scale: (hu - mean) / std, as float32 of the same shape.

    hu: any shape, e.g. (z, y, x). The numbers are fixed ones of the model, never of the scan, so a voxel's value
    does not depend on what else is in the field of view.
    """
    normalized = hu.astype(np.float32)
    np.clip(normalized, window.lower_hu, window.upper_hu, out=normalized)
    normalized -= np.float32(window.mean_hu)
    normalized /= np.float32(window.std_hu)
    return normalized
