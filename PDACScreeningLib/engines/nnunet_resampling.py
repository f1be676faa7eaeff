"""From one spacing to another as nnU-Net v2 does it, so that its users get the numbers that they know.

nnU-Net resamples with scikit-image, which is scipy's spline zoom with each voxel taken for a cell of the grid, clipped
to the range that was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.network.nnunet_model import Resampling

_ANISOTROPIC_FROM = 3  # a spacing more than so many times another is resampled apart
Shape = tuple[int, ...]


def shape_at(shape: Shape, spacing_mm: Sequence[float], wanted_mm: Sequence[float]) -> Shape:
    """Voxels along each axis at another spacing; a half goes to the even number, as Python rounds."""
    return tuple(round(old / new * length) for old, new, length in zip(spacing_mm, wanted_mm, shape, strict=True))


def resampled(
    channels: NDArray[Any], shape: Shape, spacing_mm: Sequence[float], to_mm: Sequence[float], how: Resampling
) -> NDArray[Any]:
    """(c, z, y, x) of one spacing as (c, *shape) of another, in its own type; as it is where nothing changes.

    spacing_mm, to_mm: in the order of the axes. One channel at a time, each in float64.
    """
    if channels.shape[1:] == shape:
        return channels
    target = np.empty((len(channels), *shape), channels.dtype)
    axis = _separate_axis(spacing_mm, to_mm, how)
    for channel, source in zip(target, channels, strict=True):
        wide = source.astype(np.float64)
        channel[...] = _zoomed(wide, shape, how.order) if axis is None else _by_slices(wide, shape, axis, how)
    return target


def _separate_axis(spacing_mm: Sequence[float], to_mm: Sequence[float], how: Resampling) -> int | None:
    """The one axis that is so coarse that it is resampled apart; None where there is none."""
    if how.separate_z is False:
        return None
    candidates = [spacing_mm] if how.separate_z else [spacing_mm, to_mm]
    for spacing in candidates:
        if how.separate_z or max(spacing) / min(spacing) > _ANISOTROPIC_FROM:
            coarsest = [axis for axis, mm in enumerate(spacing) if max(spacing) / mm == 1]
            return coarsest[0] if len(coarsest) == 1 else None
    return None


def _zoomed(image: NDArray[np.float64], shape: Shape, order: int) -> NDArray[np.float64]:
    """Spline interpolation of any number of axes."""
    factors = [1 / (old / new) for old, new in zip(image.shape, shape, strict=True)]
    zoomed: NDArray[np.float64] = ndimage.zoom(image, factors, order=order, mode="nearest", grid_mode=True)
    return np.clip(zoomed, image.min(), image.max(), out=zoomed)


def _by_slices(image: NDArray[np.float64], shape: Shape, axis: int, how: Resampling) -> NDArray[np.float64]:
    """Slices across the coarse axis one by one, then along it, from the nearest slice or linearly."""
    in_plane = tuple(length for other, length in enumerate(shape) if other != axis)
    slices = np.stack([_zoomed(plane, in_plane, how.order) for plane in _planes(image, axis)], axis=axis)
    if slices.shape[axis] == shape[axis]:
        return slices
    places = (slices.shape[axis] / shape[axis]) * (np.arange(shape[axis]) + 0.5) - 0.5
    coordinates = np.meshgrid(
        *(places if other == axis else np.arange(length) for other, length in enumerate(shape)),
        indexing="ij",
        sparse=False,
    )
    moved: NDArray[np.float64] = ndimage.map_coordinates(slices, coordinates, order=how.order_z, mode="nearest")
    return moved


def _planes(image: NDArray[np.float64], axis: int) -> Iterator[NDArray[np.float64]]:
    yield from np.moveaxis(image, axis, 0)
