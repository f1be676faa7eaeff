"""The picture being painted: HU and labels on the requested grid. Structures are painted one over the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.phantom.lattice import Field, Floats
from PDACScreeningLib.phantom.random_field import RandomField
from PDACScreeningLib.volume.geometry import Geometry

Axes = tuple[Floats, Floats, Floats]
Slices = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Patch:
    """A painted part of the canvas. slices: where (z, y, x); cover: 0..1 share of the structure; axes_mm: (z, y, x)."""

    slices: Slices
    cover: Floats
    axes_mm: Axes


class Canvas:
    """hu: (z, y, x) float32, air at first. geometry: axis-aligned, LPS mm."""

    def __init__(self, geometry: Geometry, texture: RandomField) -> None:
        self.geometry = geometry
        self.hu: Floats = np.full(geometry.shape, -1000, np.float32)
        spacing, origin = geometry.spacing_mm[::-1], geometry.origin_mm[::-1]
        lines = [
            (start + step * np.arange(length)).astype(np.float32)
            for start, step, length in zip(origin, spacing, geometry.shape, strict=True)
        ]
        self.axes_mm: Axes = (lines[0], lines[1], lines[2])
        self.edge_mm = max(1.5, float(np.mean(geometry.spacing_mm)))  # voxels average over their own width
        self.texture: Floats = texture.at(self.axes_mm)

    def cover(self, shape: Field, edge_mm: float | None = None) -> Patch | None:
        """Where a structure is, with soft edges `edge_mm` wide; None when it lies outside the grid."""
        edge = max(edge_mm or 0.0, self.edge_mm)
        slices = self._reached(shape, edge)
        if slices is None:
            return None
        axes = self._axes(slices)
        cover = shape.at(axes)
        cover *= np.float32(-1 / edge)
        cover += np.float32(0.5)
        np.clip(cover, 0, 1, out=cover)
        return Patch(slices, cover, axes)

    def paint(
        self,
        shape: Field,
        hu: float,
        *,
        texture_hu: float = 4.0,
        edge_mm: float | None = None,
        vary: list[tuple[RandomField, float]] | None = None,
    ) -> None:
        """Fill a structure with `hu`, fine texture, and further random fields with their amplitudes in HU."""
        patch = self.cover(shape, edge_mm)
        if patch is None:
            return
        value = self.texture[patch.slices] * np.float32(texture_hu)
        value += np.float32(hu)
        for field, amplitude in vary or []:
            value += np.float32(amplitude) * field.at(patch.axes_mm)
        self.blend(patch, value)

    def blend(self, patch: Patch, value: Floats) -> None:
        """Replace the covered share of each voxel of a patch by `value` (z, y, x) HU."""
        region = self.hu[patch.slices]
        region += patch.cover * (value - region)

    def add(self, patch: Patch, change: Floats) -> None:
        """Add `change` (z, y, x) HU in the covered share of each voxel of a patch."""
        self.hu[patch.slices] += patch.cover * change

    def inside(self, shape: Field) -> tuple[Slices, NDArray[np.bool_]] | None:
        """Voxels whose center lies inside a structure; None when it lies outside the grid."""
        slices = self._reached(shape, 0.0)
        if slices is None:
            return None
        return slices, shape.at(self._axes(slices)) < 0

    def _axes(self, slices: Slices) -> Axes:
        z, y, x = (line[part] for line, part in zip(self.axes_mm, slices, strict=True))
        return (z, y, x)

    def _reached(self, shape: Field, edge_mm: float) -> Slices | None:
        """Slices around all voxels that a structure with soft edges may touch."""
        near = shape.values < edge_mm / 2
        parts: list[slice] = []
        for axis, (line, start) in enumerate(zip(self.axes_mm, shape.lattice.start_mm, strict=True)):
            hit = np.flatnonzero(near.any(axis=tuple(other for other in range(3) if other != axis)))
            if hit.size == 0:
                return None
            endless = axis == 0 and shape.lattice.endless
            low = -np.inf if endless and hit[0] == 0 else hit[0] - 1
            high = np.inf if endless and hit[-1] == near.shape[axis] - 1 else hit[-1] + 1
            pitch = shape.lattice.pitch_mm
            first = int(np.searchsorted(line, start + low * pitch, "left"))
            last = int(np.searchsorted(line, start + high * pitch, "right"))
            if last <= first:
                return None
            parts.append(slice(first, last))
        return (parts[0], parts[1], parts[2])
