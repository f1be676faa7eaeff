"""Random changes of the brightness of training patches (ADR 0020); the paper knows none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import IntensityAugmentation
from PDACScreeningLib.volume.ct_volume import AIR_HU

_HIGHEST_HU = 3071


def changed_brightness(
    hu: NDArray[np.int16], spec: IntensityAugmentation, center_hu: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """A patch (z, y, x) as another scanner might have shown it: blurred, with other contrast, shifted, noisier.

    center_hu: what the contrast leaves as it is. Labels stay valid, because no voxel moves. A part of the change whose
    field is 0 does nothing. What is drawn depends on `rng` and on the shape of the patch alone.
    """
    shift = spec.shift_hu * rng.standard_normal()
    factor = 1 + spec.contrast * rng.uniform(-1, 1)
    blur, noise = spec.blur_voxels * rng.uniform(), spec.noise_hu * rng.uniform()
    values = hu.astype(np.float32)
    if blur > 0:
        values = blurred(values, blur)
    values = (values - np.float32(center_hu)) * np.float32(factor) + np.float32(center_hu + shift)
    if noise > 0:
        values += np.float32(noise) * rng.standard_normal(values.shape, dtype=np.float32)
    return np.clip(np.rint(values), AIR_HU, _HIGHEST_HU).astype(np.int16)


def blurred(values: NDArray[np.float32], sigma_voxels: float) -> NDArray[np.float32]:
    """Blur with (w, 1 - 2w, w) along each axis, whose variance 2w is that of a Gaussian; faces count twice.

    Three taps along three axes cost nine additions a voxel. sigma_voxels: up to 0.7, so that the middle weighs most.
    """
    weight = np.float32(sigma_voxels**2 / 2)
    for axis in range(values.ndim):
        line = np.moveaxis(values, axis, 0)
        result = (1 - 2 * weight) * values
        target = np.moveaxis(result, axis, 0)
        target[1:] += weight * line[:-1]
        target[:-1] += weight * line[1:]
        target[0] += weight * line[0]
        target[-1] += weight * line[-1]
        values = result
    return values
