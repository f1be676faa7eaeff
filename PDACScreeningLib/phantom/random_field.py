"""Smooth random fields in world coordinates.

A field is a periodic tile of smoothed white noise, so it has a value everywhere and does not depend on any grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from PDACScreeningLib.phantom.lattice import Floats, Lattice
from PDACScreeningLib.seeding import stream

_SPAN_MM = 420.0  # a tile covers the abdomen once, where that stays affordable
_LARGEST_TILE = 80
_SMALLEST_TILE = 12


@dataclass(frozen=True, eq=False)
class RandomField:
    """tile: (z, y, x) float32, mean 0, standard deviation 1, periodic with `pitch_mm` between samples."""

    tile: Floats
    pitch_mm: float

    def at(self, axes_mm: tuple[Floats, Floats, Floats]) -> Floats:
        """Values at the outer product of three lines of world coordinates (z, y, x), float32."""
        values = self.tile
        for axis, line in enumerate(axes_mm):
            length = values.shape[axis]
            index = np.mod(line.astype(np.float64) / self.pitch_mm, length)
            low = np.minimum(index.astype(np.int64), length - 1)
            shape = [1, 1, 1]
            shape[axis] = -1
            weight = (index - low).astype(np.float32).reshape(shape)
            lower = values.take(low, axis)
            upper = values.take((low + 1) % length, axis)
            upper -= lower
            upper *= weight
            upper += lower
            values = upper
        return values

    def on(self, lattice: Lattice) -> Floats:
        """Values on a lattice."""
        z, y, x = lattice.coordinates()
        return self.at((z.ravel(), y.ravel(), x.ravel()))


@lru_cache(maxsize=8)
def random_field(seed: int, name: str, scale_mm: float) -> RandomField:
    """A unit random field whose features are about `scale_mm` wide (Gaussian kernel of that standard deviation)."""
    pitch_mm = 0.8 * scale_mm
    length = int(np.clip(np.ceil(_SPAN_MM / pitch_mm), _SMALLEST_TILE, _LARGEST_TILE))
    noise = stream(seed, f"phantom/{name}").standard_normal((length, length, length), dtype=np.float32)
    smooth = ndimage.gaussian_filter(noise, scale_mm / pitch_mm, mode="wrap", truncate=3.0)
    smooth -= smooth.mean()
    return RandomField(smooth / smooth.std(), pitch_mm)
