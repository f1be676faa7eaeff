"""Hounsfield units -> what the networks see (ADR 0003)."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import HUWindow
from PDACScreeningLib.volume.arrays import HU_ZYX

Values = TypeVar("Values")  # float32: an array of numpy or a tensor of torch


def normalize(hu: HU_ZYX, window: HUWindow) -> NDArray[np.float32]:
    """Clip to the window, then shift and scale: (hu - mean) / std, as float32 of the same shape.

    hu: any shape, e.g. (z, y, x). The numbers are fixed ones of the model, never of the scan, so a voxel's value
    does not depend on what else is in the field of view.
    """
    return scaled_to_window(hu.astype(np.float32), window)


def scaled_to_window(values: Values, window: HUWindow) -> Values:
    """The one formula, for screening (numpy) and for training (torch, on its device). values: float32 HU, any shape."""
    hu: Any = values
    scaled = hu.clip(window.lower_hu, window.upper_hu)
    scaled -= window.mean_hu
    scaled /= window.std_hu
    return scaled  # type: ignore[no-any-return]
