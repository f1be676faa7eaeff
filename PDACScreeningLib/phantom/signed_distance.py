"""Shapes as signed distances in mm: negative inside, positive outside. Arrays (z, y, x) float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from PDACScreeningLib.phantom.lattice import Floats, Lattice, Point

ENDLESS = 1e5  # a radius in mm for a cylinder
_REACH_MM = 30.0  # how far from its surface a tube knows its distance
_STEP_MM = 3.0  # length of the straight pieces of a tube


def ellipsoid(lattice: Lattice, center: Point, radii: Point, power: float = 2.0) -> Floats:
    """Approximate distance to a (super-)ellipsoid; center and radii (x, y, z) in mm; power 2 is an ellipsoid."""
    z, y, x = lattice.coordinates()
    terms = [
        (np.abs(line - np.float32(middle)) / np.float32(radius)) ** np.float32(power)
        for line, middle, radius in zip((x, y, z), center, radii, strict=True)
    ]
    total = terms[0] + terms[1] + terms[2]
    distance: Floats = (total ** np.float32(1 / power) - 1) * np.float32(min(radii))
    return distance


def union(*shapes: Floats) -> Floats:
    """All points inside any of the shapes."""
    smallest: Floats = np.minimum.reduce(shapes)
    return smallest


def without(shape: Floats, other: Floats, gap_mm: float | Floats = 0.0) -> Floats:
    """The shape cut back so that it stays `gap_mm` away from another one."""
    rest: Floats = np.maximum(shape, np.float32(1) * gap_mm - other)
    return rest


def smooth_union(shape: Floats, other: Floats, blend_mm: float) -> Floats:
    """The union with its inner edge rounded over `blend_mm`."""
    near = np.maximum(np.float32(blend_mm) - np.abs(shape - other), 0)
    blended: Floats = np.minimum(shape, other) - near * near * np.float32(0.25 / blend_mm)
    return blended


def curve(points: Sequence[Point], step_mm: float = _STEP_MM) -> NDArray[np.float64]:
    """A smooth curve through control points (x, y, z): (n, 4) rows of x, y, z and the position 0..1 along it.

    The position counts control points, so that 0.5 of five points is the third whatever the distances are.
    """
    control = np.asarray(points, np.float64)
    knots = np.arange(len(control))
    length = float(np.linalg.norm(np.diff(control, axis=0), axis=1).sum())
    samples = np.linspace(0, len(control) - 1, max(2, int(np.ceil(length / step_mm)) + 1))
    line = (
        CubicSpline(knots, control)(samples)
        if len(control) > 2
        else control[0] + samples[:, None] * np.diff(control, axis=0)
    )
    return np.column_stack([line, samples / (len(control) - 1)])


@dataclass(frozen=True, eq=False)
class Tube:
    """distance: (z, y, x) mm to the surface; position: (z, y, x) place 0..1 of the nearest point of the curve."""

    distance: Floats
    position: Floats


def tube(
    lattice: Lattice,
    points: Sequence[Point],
    radii: Sequence[float],
    stretch: Point = (1.0, 1.0, 1.0),
    reach_mm: float = _REACH_MM,
) -> Tube:
    """A tube of changing radius along a smooth curve through control points.

    radii: mm at the control points, linear between them. stretch: (x, y, z) factors of the cross-section.
    Beyond `reach_mm` from the tube the distance is just `reach_mm` and the position 0.
    """
    line = curve(points)
    radius = np.interp(line[:, 3], np.linspace(0, 1, len(radii)), radii)
    distance = np.full(lattice.shape, reach_mm, np.float32)
    position = np.zeros(lattice.shape, np.float32)
    factors = np.asarray(stretch)
    for index in range(len(line) - 1):
        ends = line[index : index + 2, :3]
        margin = (reach_mm + radius[index : index + 2].max()) * factors
        slices = lattice.slices_around(ends.min(0) - margin, ends.max(0) + margin)
        if any(part.stop <= part.start for part in slices):
            continue
        piece, along = _cone(lattice.cropped(slices), ends / factors, radius[index : index + 2], factors)
        nearer = piece < distance[slices]
        distance[slices][nearer] = piece[nearer]
        position[slices][nearer] = (line[index, 3] + along * (line[index + 1, 3] - line[index, 3]))[nearer]
    return Tube(distance, position)


def _cone(
    lattice: Lattice, ends: NDArray[np.float64], radii: NDArray[np.float64], factors: NDArray[np.float64]
) -> tuple[Floats, Floats]:
    """Distance to a straight piece with round ends, and the place 0..1 along it."""
    z, y, x = lattice.coordinates()
    offsets = [
        line / np.float32(factor) - np.float32(start)
        for line, factor, start in zip((x, y, z), factors, ends[0], strict=True)
    ]
    run = (ends[1] - ends[0]).astype(np.float32)
    dot = offsets[0] * run[0] + offsets[1] * run[1] + offsets[2] * run[2]
    along = np.clip(dot / np.float32(max(float(run @ run), 1e-6)), 0, 1)
    square = sum(((offset - along * part) ** 2 for offset, part in zip(offsets, run, strict=True)), np.float32(0))
    distance: Floats = np.sqrt(square) - (np.float32(radii[0]) + along * np.float32(radii[1] - radii[0]))
    return distance, along
