"""The Dice-Sorensen coefficient (section 3.1): DSC(Y, Y*) = 2 |Y and Y*| / (|Y| + |Y*|)."""

import numpy as np
from numpy.typing import NDArray


def dice(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float | None:
    """DSC of two masks of one shape; None when both are empty, 0 when only one is.

    Raises ValueError when the shapes differ.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"masks differ in shape: {prediction.shape} and {truth.shape}")
    total = int(np.count_nonzero(prediction)) + int(np.count_nonzero(truth))
    if total == 0:
        return None
    return 2 * int(np.count_nonzero(prediction & truth)) / total
