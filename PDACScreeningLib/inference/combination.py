"""How the answers of the networks become one (section 2.3: "are averaged into final segmentation"; ADR 0025)."""

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import Combination

_LEAST = np.float32(1e-6)  # of a probability whose logarithm is taken


def summand(foreground: NDArray[np.float32], combination: Combination) -> NDArray[np.float32]:
    """What one network adds to the sum over the networks; `combined` makes probabilities of the sum's mean.

    foreground: (2, z, y, x) probability of pancreas and of tumor, overwritten. "mean": as it is. "log_mean": log odds
    of pancreas and of tumor against background, whose mean over the networks is that of the mean logarithms.
    """
    if combination == "mean":
        return foreground
    for pancreas, tumor in foreground.swapaxes(0, 1):  # slice by slice, to save memory
        background = np.log(np.maximum(1 - (pancreas + tumor), _LEAST))
        for values in (pancreas, tumor):
            values[:] = np.log(np.maximum(values, _LEAST)) - background
    return foreground


def combined(mean: NDArray[np.float32], combination: Combination) -> NDArray[np.float32]:
    """(2, z, y, x) probability of pancreas and of tumor by all networks. mean: of what they added, overwritten."""
    if combination == "mean":
        return mean
    for pancreas, tumor in mean.swapaxes(0, 1):
        highest = np.maximum(np.maximum(pancreas, tumor), 0)
        np.exp(pancreas - highest, out=pancreas)
        np.exp(tumor - highest, out=tumor)
        total = np.exp(-highest) + pancreas + tumor
        pancreas /= total
        tumor /= total
    return mean
