"""The scanner: point spread, slice profile and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.phantom.body import Body
from PDACScreeningLib.phantom.canvas import Canvas
from PDACScreeningLib.phantom.lattice import Floats
from PDACScreeningLib.phantom.specification_parts import AcquisitionSpec
from PDACScreeningLib.seeding import stream

_LOWEST_HU, _HIGHEST_HU = -1024, 3071
_SLAB_BLUR = 0.29  # a slice is at least as thick as the slices are apart; standard deviation of a slab of width 1


def acquire(canvas: Canvas, body: Body, seed: int, acquisition: AcquisitionSpec) -> NDArray[np.int16]:
    """The picture as a scanner would deliver it: (z, y, x) int16 HU."""
    spacing = canvas.geometry.spacing_mm
    plane, along = acquisition.in_plane_blur_mm, max(acquisition.slice_blur_mm, _SLAB_BLUR * spacing[2])
    blurred = _blurred(canvas.hu, (along, plane, plane), spacing)
    z, y, x = canvas.axes_mm
    eccentricity = (x[None, :] / body.half_width_mm) ** 2 + ((y[:, None] - body.center_y_mm) / body.half_depth_mm) ** 2
    share = np.clip(1.15 - 0.45 * eccentricity, 0.35, 1.2).astype(np.float32)  # rays through the middle lose most
    blurred += np.float32(acquisition.noise_hu) * share * _unit_noise(canvas, seed, acquisition)
    return np.clip(np.rint(blurred), _LOWEST_HU, _HIGHEST_HU).astype(np.int16)


def _unit_noise(canvas: Canvas, seed: int, acquisition: AcquisitionSpec) -> Floats:
    """Noise of standard deviation 1 whose in-plane power is a ramp times a soft kernel; slices share the profile."""
    shape = canvas.geometry.shape
    spacing = canvas.geometry.spacing_mm
    white = stream(seed, "phantom/noise").standard_normal(shape, dtype=np.float32)
    fy = np.fft.fftfreq(shape[1], spacing[1])[:, None]
    fx = np.fft.rfftfreq(shape[2], spacing[0])[None, :]
    frequency = np.hypot(fy, fx)
    gain = (np.sqrt(frequency) * np.exp(-0.5 * (frequency / acquisition.noise_cutoff_per_mm) ** 2)).astype(np.float32)
    for index in range(shape[0]):  # slice by slice keeps the memory small
        spectrum = np.fft.rfft2(white[index]) * gain
        white[index] = np.fft.irfft2(spectrum, s=shape[1:]).astype(np.float32)
    noise = _blurred(white, (acquisition.slice_blur_mm, 0, 0), spacing)
    noise /= noise.std()
    return noise


def _blurred(values: Floats, sigma_mm: tuple[float, float, float], spacing_mm: tuple[float, float, float]) -> Floats:
    """Gaussian blur; sigma along (z, y, x) in mm, spacing as (x, y, z)."""
    sigma = [mm / step for mm, step in zip(sigma_mm, spacing_mm[::-1], strict=True)]
    blurred: Floats = ndimage.gaussian_filter(values, sigma, mode="nearest", truncate=3.0)
    return blurred
