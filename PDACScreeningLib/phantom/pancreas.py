"""The gland: a curved, lobulated tube with its head around the superior mesenteric vein, and the duct inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PDACScreeningLib.phantom.lattice import Floats, Lattice, Point, lattice_over
from PDACScreeningLib.phantom.random_field import random_field
from PDACScreeningLib.phantom.signed_distance import curve, smooth_union, tube
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.seeding import stream

_PITCH_MM = 2.0
_NECK: Point = (-3.0, -72.0, 0.0)  # usual place of the neck, in front of the portal confluence
# Head (lower, upper), neck, body, body, tail, relative to the neck, and the rise of the last three by shape family.
_COURSE: tuple[Point, ...] = ((-32, 20, -28), (-29, 13, -12), (0, 0, 0), (27, 0, 0), (53, 18, 0), (70, 46, 0))
_RISE_MM = {
    "oblique": (10, 20, 30),
    "transverse": (3, 6, 9),
    "sigmoid": (17, 13, 29),
    "horseshoe": (14, 8, -14),
    "l-shaped": (25, 33, 35),
    "inverted-v": (22, 14, -2),
}
_RADII_MM = (12.5, 16.0, 9.6, 10.6, 11.2, 10.4)
_STRETCH: Point = (1.0, 0.97, 1.06)


@dataclass(frozen=True)
class GlandCourse:
    """Where the gland runs. points: control points (x, y, z) from head to tail; radii: mm at each."""

    points: tuple[Point, ...]
    radii: tuple[float, ...]

    @property
    def confluence(self) -> Point:
        """Where splenic and superior mesenteric vein meet: behind the neck."""
        x, y, z = self.points[2]
        return (x - 2, y + 0.9 * self.radii[2] + 6.5, z - 1)

    def point_at(self, position: float) -> Point:
        """The point of the center line at a position 0 (head) to 1 (tail)."""
        line = curve(self.points)
        row = line[int(np.argmin(np.abs(line[:, 3] - position)))]
        return (float(row[0]), float(row[1]), float(row[2]))


@dataclass(frozen=True, eq=False)
class Gland:
    """distance: (z, y, x) signed distance in mm of the healthy gland; position: 0 head to 1 tail; both on `lattice`."""

    course: GlandCourse
    lattice: Lattice
    distance: Floats
    position: Floats


def gland_course(spec: PhantomSpec) -> GlandCourse:
    """The center line drawn from the specification and the seed."""
    gland = spec.gland
    rng = stream(spec.seed, "phantom/gland/course")
    rise = (0.0, 0.0, 0.0, *_RISE_MM[gland.shape_family])
    angle = np.deg2rad(gland.tilt_degrees)
    deeper = -0.12 * (spec.body.half_depth_mm - 115)  # a deep abdomen holds its gland further in front
    points: list[Point] = []
    for (x, y, z), lift in zip(_COURSE, rise, strict=True):
        x, y, z = (gland.length_scale * part for part in (x, y, z + lift))
        x, z = x * np.cos(angle) - z * np.sin(angle), x * np.sin(angle) + z * np.cos(angle)
        jitter = rng.normal(0, 3, 3)
        shift = gland.offset_mm
        points.append(
            (
                float(_NECK[0] + shift[0] + x + jitter[0]),
                float(_NECK[1] + shift[1] + y + deeper + jitter[1]),
                float(_NECK[2] + shift[2] + z + jitter[2]),
            )
        )
    swell = rng.normal(1, 0.08, len(_RADII_MM))
    radii = tuple(float(radius * gland.radius_scale * part) for radius, part in zip(_RADII_MM, swell, strict=True))
    return GlandCourse(tuple(points), radii)


def build_gland(spec: PhantomSpec, course: GlandCourse) -> Gland:
    """Signed distance of the gland on a lattice around it (2 mm), before neighbors cut it back."""
    lattice = _lattice_around(course)
    body = tube(lattice, course.points, course.radii, _STRETCH, reach_mm=40)
    scale = spec.gland.radius_scale
    x, y, z = course.points[0]
    hook = [(x + 4, y + 1, z), (x + 18, y + 7, z - 1), (x + 29, y + 8, z + 2)]
    uncinate = tube(lattice, hook, [11 * scale, 8.5 * scale, 5 * scale], reach_mm=40).distance
    distance = smooth_union(body.distance, uncinate, 6)
    lobulation = spec.gland.lobulation_mm
    coarse = random_field(spec.seed, "gland/lobulation coarse", 9).on(lattice)
    fine = random_field(spec.seed, "gland/lobulation fine", 2.8).on(lattice)
    distance += np.float32(0.9 * lobulation) * coarse + np.float32(0.55 * lobulation) * fine
    return Gland(course, lattice, distance, body.position)


def duct_distance(gland: Gland, diameter_mm: Floats, gland_distance: Floats) -> Floats:
    """The main duct: diameter_mm (z, y, x) along the center line, and never at the surface of the gland."""
    line = tube(gland.lattice, gland.course.points, [0.0] * len(gland.course.points), reach_mm=20).distance
    duct: Floats = np.maximum(line - np.float32(0.5) * diameter_mm, gland_distance + np.float32(1.5))
    return duct


def _lattice_around(course: GlandCourse) -> Lattice:
    """Room for the gland, its vessels and a tumor of 100 mm."""
    points = np.array(course.points)
    low, high = points.min(0) - 66, points.max(0) + 66
    return lattice_over((low[0], low[1], low[2]), (high[0], high[1] + 10, high[2]), _PITCH_MM)
