"""The grid a scan is screened on, and the way back to the grid of the file (ADR 0002).

file (native)  --permute, flip-->  canonical  --resample-->  working (isotropic)
     ^------------------------------ the same two steps back ------------------'
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.volume.arrays import HU_ZYX, LABELS_ZYX, PROBABILITY_ZYX, Planes
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.orientation import Orientation, canonical_orientation
from PDACScreeningLib.volume.part import VolumePart
from PDACScreeningLib.volume.resampling import GridWeights, grid_weights, resampled_slabs

_SAME_SPACING_MM = 1e-3  # an axis this close to the working spacing is not interpolated
_SAME_EXTENT_VOXELS = 1e-4  # 100 x 0.7 mm is 70 mm, whatever the floating point says
_TIE = 1e-5


@dataclass(frozen=True)
class WorkingGrid:
    """Three grids over one scan. Build it with `working_grid`.

    native: the file's. canonical: its axes along (L, P, S). working: canonical, resampled; equal when there is
    nothing to resample. All three share center and extent (the working grid may stick out by less than a voxel).
    """

    native: Geometry
    canonical: Geometry
    working: Geometry

    def to_working(self, ct: CTVolume) -> CTVolume:
        """The scan on the working grid, rounded to whole HU.

        A view (no copy) when there is nothing to resample. Raises GeometryMismatch for a scan of another grid.
        """
        if not ct.geometry.is_close(self.native):
            raise GeometryMismatch(f"this working grid is for another scan: {self.native}, got {ct.geometry}")
        canonical = self._orientation.to_canonical(ct.hu)
        if self._is_canonical:
            return CTVolume(canonical, self.working)
        hu = np.empty(self.working.shape, np.int16)
        for z, slab in resampled_slabs(canonical, grid_weights(self.canonical, self.working, antialias=True)):
            hu[z] = np.rint(slab)
        return CTVolume(hu, self.working)

    def ct_part_to_working(self, ct: CTVolume, box: Box) -> CTVolume:
        """`to_working(ct).cropped(box)`, without resampling more than that. box: of the working grid."""
        weights, source = self._of_part(box, antialias=True)
        canonical = self._orientation.to_canonical(ct.hu[self._orientation.native_box(source, self.native).slices])
        hu = np.empty(box.shape, np.int16)
        for z, slab in resampled_slabs(canonical, weights):
            hu[z] = np.rint(slab)
        return CTVolume(hu, self.working.cropped(box))

    def working_planes(self, ct: CTVolume) -> Planes:
        """The planes of `to_working(ct).hu`, each made when it is asked for."""
        return _WorkingPlanes(self, ct)

    def probability_part_to_working(self, probability: VolumePart[np.float32], box: Box) -> PROBABILITY_ZYX:
        """`probability_to_working` inside `box` of the working grid, from the part of the file's grid that is not 0."""
        weights, source = self._of_part(box, antialias=False)
        part = probability.inside(self._orientation.native_box(source, self.native))
        working = np.empty(box.shape, np.float32)
        for z, slab in resampled_slabs(self._orientation.to_canonical(part), weights):
            working[z] = np.clip(slab, 0.0, 1.0)
        return working

    def labels_part_to_working(self, labels: VolumePart[np.uint8]) -> VolumePart[np.uint8]:
        """`labels_to_working` of the part of a label map that is not background."""
        if not labels.values.any():
            return VolumePart.empty(np.uint8, self.working)
        box = self._orientation.canonical_box(labels.box, self.native)
        found = _heaviest(self._orientation.to_canonical(labels.values), box, self.canonical, self.working)
        return VolumePart(*found, self.working) if found is not None else VolumePart.empty(np.uint8, self.working)

    def labels_to_working(self, label_map: LabelMap) -> LABELS_ZYX:
        """(z, y, x) uint8 labels of the working grid, from a label map of the file's grid (truth, for training).

        The rules are those of `labels_to_native`. Raises GeometryMismatch for a label map of another grid.
        """
        if not label_map.geometry.is_close(self.native):
            raise GeometryMismatch("the label map lies on another grid than the scan: export both on the scan's grid")
        working = np.zeros(self.working.shape, np.uint8)
        _fill_heaviest(working, self._orientation.to_canonical(label_map.labels), self.canonical, self.working)
        return working

    def probability_to_working(self, probability: PROBABILITY_ZYX) -> PROBABILITY_ZYX:
        """(z, y, x) float32 probabilities of the file's grid on the working grid, interpolated linearly.

        Raises GeometryMismatch for an array of another shape.
        """
        if probability.shape != self.native.shape:
            raise GeometryMismatch(f"expected an array of the scan's grid {self.native.shape}, got {probability.shape}")
        canonical = self._orientation.to_canonical(probability)
        if self._is_canonical:
            return canonical
        working = np.empty(self.working.shape, np.float32)
        for z, slab in resampled_slabs(canonical, grid_weights(self.canonical, self.working, antialias=False)):
            working[z] = np.clip(slab, 0.0, 1.0)  # rounding of the weights, not of the method
        return working

    def labels_to_native(self, labels: LABELS_ZYX) -> LabelMap:
        """The label map of the file's own grid, from (z, y, x) uint8 labels of the working grid.

        Every label is interpolated like a volume of its own and the heaviest wins. A tie goes to the lower label:
        a voxel is called tumor only where tumor outweighs pancreas and background, pancreas only where it outweighs
        background. Exact where the grids are equal.
        """
        self._require_working(labels.shape)
        native = np.zeros(self.native.shape, np.uint8)
        canonical = self._orientation.to_canonical(native)  # a view: filling it fills `native`
        _fill_heaviest(canonical, labels, self.working, self.canonical)
        return LabelMap(native, self.native)

    def labels_part_to_native(self, labels: VolumePart[np.uint8]) -> VolumePart[np.uint8]:
        """`labels_to_native` of the part of the working grid that is not background."""
        self._require_working(labels.geometry.shape)
        if not labels.values.any():
            return VolumePart.empty(np.uint8, self.native)
        found = _heaviest(labels.values, labels.box, self.working, self.canonical)
        if found is None:
            return VolumePart.empty(np.uint8, self.native)
        box = self._orientation.native_box(found[1], self.native)
        return VolumePart(self._orientation.to_native(found[0]), box, self.native)

    def probability_to_native(self, probability: VolumePart[np.float32]) -> VolumePart[np.float32]:
        """Probabilities of the working grid on the file's own grid, interpolated linearly: the part they reach."""
        self._require_working(probability.geometry.shape)
        found = _reached(probability.box, self.working, self.canonical)
        if found is None:
            return VolumePart.empty(np.float32, self.native)
        weights, box = found
        values = np.empty(box.shape, np.float32)
        for z, slab in resampled_slabs(probability.values, weights):
            values[z] = np.clip(slab, 0.0, 1.0)  # rounding of the weights, not of the method
        return VolumePart(
            self._orientation.to_native(values), self._orientation.native_box(box, self.native), self.native
        )

    def _of_part(self, box: Box, *, antialias: bool) -> tuple[GridWeights, Box]:
        """What a box of the working grid rests on: its weights, and the box of the canonical grid they are of."""
        bounds = list(zip(box.start, box.stop, strict=True))
        axes = grid_weights(self.canonical, self.working, antialias=antialias)
        sources = [axis.sources(*bound) for axis, bound in zip(axes, bounds, strict=True)]
        z, y, x = (axis.part(bound, of) for axis, bound, of in zip(axes, bounds, sources, strict=True))
        (z0, z1), (y0, y1), (x0, x1) = sources
        return (z, y, x), Box((z0, y0, x0), (z1, y1, x1))

    @cached_property
    def _orientation(self) -> Orientation:
        return canonical_orientation(self.native)

    @property
    def _is_canonical(self) -> bool:
        return self.working == self.canonical

    def _require_working(self, shape: tuple[int, ...]) -> None:
        if shape != self.working.shape:
            raise GeometryMismatch(f"expected an array of the working grid {self.working.shape}, got {shape}")


@dataclass(frozen=True, eq=False)
class _WorkingPlanes:
    grid: WorkingGrid
    ct: CTVolume

    def __len__(self) -> int:
        return self.grid.working.shape[0]

    def __getitem__(self, z: int, /) -> HU_ZYX:
        _, rows, columns = self.grid.working.shape
        plane: HU_ZYX = self.grid.ct_part_to_working(self.ct, Box((z, 0, 0), (z + 1, rows, columns))).hu[0]
        return plane


def working_grid(native: Geometry, spacing_mm: float | None) -> WorkingGrid:
    """The working grid of a scan: isotropic, same center and direction, just large enough for the whole scan.

    spacing_mm None keeps the canonical grid (the literal paper). An axis whose spacing is within 1e-3 mm of
    `spacing_mm` keeps its own. Raises ValueError for a spacing that is not positive.
    """
    canonical = canonical_orientation(native).canonical_geometry(native)
    if spacing_mm is None:
        return WorkingGrid(native, canonical, canonical)
    if not spacing_mm > 0:
        raise ValueError(f"working spacing must be positive, got {spacing_mm} mm")
    shape, spacing = list(canonical.shape), list(canonical.spacing_mm)
    for axis in range(3):
        own_mm = canonical.spacing_mm[2 - axis]
        if abs(own_mm - spacing_mm) > _SAME_SPACING_MM:
            shape[axis] = max(1, math.ceil(canonical.shape[axis] * own_mm / spacing_mm - _SAME_EXTENT_VOXELS))
            spacing[2 - axis] = spacing_mm
    if tuple(spacing) == canonical.spacing_mm:
        return WorkingGrid(native, canonical, canonical)
    resized = replace(canonical, shape=(shape[0], shape[1], shape[2]), spacing_mm=(spacing[0], spacing[1], spacing[2]))
    return WorkingGrid(native, canonical, _moved(resized, _center(canonical)))


def _center(geometry: Geometry) -> NDArray[np.float64]:
    z, y, x = ((length - 1) / 2 for length in geometry.shape)
    return geometry.index_to_world((z, y, x))


def _moved(geometry: Geometry, center_mm: NDArray[np.float64]) -> Geometry:
    """The same grid with its center at `center_mm` (x, y, z)."""
    x, y, z = (float(mm) for mm in np.array(geometry.origin_mm) + center_mm - _center(geometry))
    return replace(geometry, origin_mm=(x, y, z))


def _fill_heaviest(target: LABELS_ZYX, labels: LABELS_ZYX, source: Geometry, to: Geometry) -> None:
    """Write the heaviest label into an all-background `target` on grid `to`, from labels on grid `source`."""
    box = bounding_box(labels)
    found = _heaviest(labels[box.slices], box, source, to) if box is not None else None
    if found is not None:
        target[found[1].slices] = found[0]


def _heaviest(part: LABELS_ZYX, box: Box, source: Geometry, to: Geometry) -> tuple[LABELS_ZYX, Box] | None:
    """The heaviest labels on grid `to` and the box they lie in, from the labels inside `box` of grid `source`.

    None where they are thinner than the gaps between the voxels of `to`.
    """
    if source == to:
        return part, box
    found = _reached(box, source, to)
    if found is None:
        return None
    weights, reached = found
    labels = np.zeros(reached.shape, np.uint8)
    pancreas_slabs = resampled_slabs(part == Label.PANCREAS, weights)
    tumor_slabs = resampled_slabs(part == Label.TUMOR, weights)
    for (slab, pancreas), (_, tumor) in zip(pancreas_slabs, tumor_slabs, strict=True):
        background = 1.0 - pancreas - tumor  # background outside the box has weight too
        chosen = labels[slab]
        chosen[pancreas > background + _TIE] = Label.PANCREAS
        chosen[tumor > np.maximum(background, pancreas) + _TIE] = Label.TUMOR
    return labels, reached


def _reached(box: Box, source: Geometry, to: Geometry) -> tuple[GridWeights, Box] | None:
    """The voxels of grid `to` that a box of grid `source` has weight in, with the weights from there.

    None where the box is thinner than the gaps between the voxels of `to`.
    """
    weights, bounds = grid_weights(source, to, antialias=False), list(zip(box.start, box.stop, strict=True))
    ranges = [axis.targets(*bound) for axis, bound in zip(weights, bounds, strict=True)]
    if (0, 0) in ranges:
        return None
    z, y, x = (axis.part(reached, of) for axis, reached, of in zip(weights, ranges, bounds, strict=True))
    (z0, z1), (y0, y1), (x0, x1) = ranges
    return (z, y, x), Box((z0, y0, x0), (z1, y1, x1))
