"""nnU-Net's sliding window: half a window's stride, a Gaussian weight, logits summed in half precision.

Half precision is nnU-Net's choice. It is kept to the last bit, for its users know these numbers; it also halves memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.memory_errors import out_of_memory
from PDACScreeningLib.network.unet_predictor import UNetPredictor
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.volume.box import ZYX

_STEP = 0.5  # of a window, at most, from one to the next
_SIGMA = 1 / 8  # of a window: the Gaussian's standard deviation
_PEAK = 10.0  # of the Gaussian, so that half precision holds its ends


def window_starts(length: int, window: int) -> list[int]:
    """First voxel of each window along an axis at least as long as a window: evenly spread, the last one flush.

    length 110, window 64:   [0, 23, 46]
    """
    count = math.ceil((length - window) / (window * _STEP)) + 1
    stride = (length - window) / (count - 1) if count > 1 else 0.0
    return [int(np.round(stride * place)) for place in range(count)]


def window_count(shape: Sequence[int], patch: ZYX) -> int:
    """How many windows an image of this shape (z, y, x) needs."""
    return math.prod(len(window_starts(max(length, side), side)) for length, side in zip(shape, patch, strict=True))


def sliding_logits(
    image: Tensor, predict: UNetPredictor, patch: ZYX, outputs: int, *, stage: str, on_progress: OnProgress
) -> Tensor:
    """(outputs, z, y, x) float16 logits of a normalized image (z, y, x) float32, on the processors.

    An image smaller than a window is padded with zeros on both sides. Calls `on_progress` before each window and after
    the last. Raises ModelError when the network answers with no number; passes on what `on_progress` raises.
    """
    try:
        return _summed(image, predict, patch, outputs, stage, on_progress)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        predict.use_processors("sums and windows")
        return _summed(image, predict, patch, outputs, stage, on_progress)


@torch.inference_mode()
def _summed(
    image: Tensor, predict: UNetPredictor, patch: ZYX, outputs: int, stage: str, on_progress: OnProgress
) -> Tensor:
    padded, inner = _padded(image.to(predict.sums_device), patch)
    device = padded.device
    sums = torch.zeros((outputs, *padded.shape), dtype=torch.half, device=device)
    weights = torch.zeros(padded.shape, dtype=torch.half, device=device)
    gaussian = _gaussian(patch).to(device)
    windows = list(_windows(padded.shape, patch))
    for done, window in enumerate(windows):
        on_progress(Progress(stage, done, len(windows)))
        answer = predict(padded[window][None, None].contiguous())
        answer *= gaussian
        sums[(slice(None), *window)] += answer
        weights[window] += gaussian
    on_progress(Progress(stage, len(windows), len(windows)))
    torch.div(sums, weights, out=sums)
    logits = sums[(slice(None), *inner)].cpu()
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("the network answered with NaN or infinity: use --precision fp32, or another model")
    return logits


def _padded(image: Tensor, patch: ZYX) -> tuple[Tensor, tuple[slice, ...]]:
    """The image with zeros around it where it is smaller than a window, and where it lies inside."""
    missing = [max(0, side - length) for side, length in zip(patch, image.shape, strict=True)]
    before = [count // 2 for count in missing]
    amounts = [(low, count - low) for low, count in zip(before, missing, strict=True)]
    flat = [amount for pair in reversed(amounts) for amount in pair]  # torch counts axes from the last one
    inner = tuple(slice(low, low + length) for low, length in zip(before, image.shape, strict=True))
    return functional.pad(image, flat), inner


def _windows(shape: Sequence[int], patch: ZYX) -> Iterator[tuple[slice, slice, slice]]:
    z, y, x = (window_starts(length, side) for length, side in zip(shape, patch, strict=True))
    for low_z in z:
        for low_y in y:
            for low_x in x:
                yield (
                    slice(low_z, low_z + patch[0]),
                    slice(low_y, low_y + patch[1]),
                    slice(low_x, low_x + patch[2]),
                )


@lru_cache(maxsize=2)
def _gaussian(patch: ZYX) -> Tensor:
    """(z, y, x) float16 weight of each voxel of a window, highest in its middle and nowhere 0."""
    peak = np.zeros(patch)
    peak[tuple(side // 2 for side in patch)] = 1
    weights = ndimage.gaussian_filter(peak, [side * _SIGMA for side in patch], 0, mode="constant", cval=0)
    weights /= weights.max() / _PEAK
    halves = torch.from_numpy(weights).to(torch.half)
    halves[halves == 0] = halves[halves > 0].min()
    return halves
