"""Duodenum, colon and small bowel. Loops lie against the gland, as they do in a patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.phantom.attenuation import Attenuation
from PDACScreeningLib.phantom.canvas import Canvas
from PDACScreeningLib.phantom.lattice import Field, Floats, Lattice, Point
from PDACScreeningLib.phantom.organs import OccupiedSpace
from PDACScreeningLib.phantom.pancreas import GlandCourse
from PDACScreeningLib.phantom.random_field import random_field
from PDACScreeningLib.phantom.signed_distance import ellipsoid, tube, without
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.seeding import stream

_ROOM_MM = 62.0  # a loop and its surroundings fit into a cube of twice this


def paint_duodenum(
    canvas: Canvas, occupied: OccupiedSpace, spec: PhantomSpec, course: GlandCourse, hu: Attenuation
) -> None:
    """The C around the head, from the pylorus to the jejunum. Unopacified, it looks much like a tumor."""
    rng = stream(spec.seed, "phantom/bowel/duodenum")
    lattice = occupied.body.lattice
    neck, head, low = course.points[2], course.points[1], course.points[0]
    wide = float(rng.uniform(10, 14.5))
    out = course.radii[1] + 0.8 * wide
    path: list[Point] = [
        (neck[0] - 24, neck[1] - 22, neck[2] + 20),
        (head[0] - out + 6, head[1] - 6, head[2] + 20),
        (head[0] - out, head[1] + 2, head[2]),
        (low[0] - out + 2, low[1] + 4, low[2] - 8),
        (low[0] + 6, low[1] + 6, low[2] - 22),
        (low[0] + 34, low[1] + 6, low[2] - 22),
        (low[0] + 62, low[1] - 4, low[2] - 6),
    ]
    rough = random_field(spec.seed, "bowel/duodenum", 7).on(lattice)
    shape = occupied.settle(
        tube(lattice, path, [wide, wide, wide, wide, 0.9 * wide, 0.8 * wide, 0.9 * wide]).distance + 1.4 * rough
    )
    canvas.paint(shape, hu.bowel_wall)
    unopacified = "unopacified_duodenum" in spec.confounders
    content = float(rng.uniform(30, 62)) if unopacified else float(rng.choice([12.0, 25.0, -700.0, 130.0]))
    canvas.paint(
        occupied.body.field(shape.values + 2.8),
        content,
        texture_hu=6,
        vary=[(random_field(spec.seed, "bowel/content", 4), 7)],
    )


def paint_colon(canvas: Canvas, occupied: OccupiedSpace, spec: PhantomSpec) -> None:
    """Ascending, transverse and descending colon with stool and gas."""
    body = occupied.body
    rng = stream(spec.seed, "phantom/bowel/colon")
    width, front = body.half_width_mm, body.center_y_mm - 0.6 * body.half_depth_mm
    sag = float(rng.uniform(-26, 14))
    path: list[Point] = [
        (-0.66 * width, -38, -200), (-0.66 * width, -38, -130), (-0.68 * width, -42, -70), (-0.6 * width, -75, -20),
        (-40, front, -34 + sag), (40, front, -28 + sag), (0.6 * width, -88, 14), (0.7 * width, -35, 0),
        (0.7 * width, -28, -80), (0.66 * width, -25, -130), (0.66 * width, -25, -200),
    ]  # fmt: skip
    fold = random_field(spec.seed, "bowel/colon", 8).on(body.lattice)
    radii = [24, 24, 23, 22, 19, 19, 18, 17, 16, 16, 16]
    shape = occupied.settle(tube(body.lattice, path, radii).distance + 2.8 * fold)
    canvas.paint(shape, 55 + 20 * spec.acquisition.phase)
    lumen = shape.values + 3.2
    canvas.paint(body.field(lumen), float(rng.normal(10, 25)), texture_hu=30)
    gas = random_field(spec.seed, "bowel/gas", 12).on(body.lattice)
    canvas.paint(body.field(np.maximum(lumen, 2 - 8 * gas)), -900, texture_hu=20)


def paint_small_bowel(
    canvas: Canvas, occupied: OccupiedSpace, spec: PhantomSpec, course: GlandCourse, hu: Attenuation
) -> None:
    """Loops: the first third is placed against the gland, the rest fills the lower cavity."""
    for index in range(spec.body.loop_count):
        rng = stream(spec.seed, "phantom/bowel/loop", index)
        near_gland = index < spec.body.loop_count // 3
        radius = float(rng.uniform(8, 14))
        center = _beside_gland(rng, course, radius) if near_gland else _anywhere(rng, occupied)
        _paint_loop(canvas, occupied, spec, rng, center, radius, hu)


def _beside_gland(rng: np.random.Generator, course: GlandCourse, radius_mm: float) -> NDArray[np.float64]:
    """Below or in front of the gland, so close that its surface is the loop's border."""
    position = float(rng.uniform(0, 1))
    around = np.array([rng.normal(0, 0.4), -abs(rng.normal(0.5, 0.5)), rng.normal(-0.8, 0.7)])
    gland_radius = float(np.interp(position, np.linspace(0, 1, len(course.radii)), course.radii))
    away = around / np.linalg.norm(around) * (0.9 * radius_mm + gland_radius)
    center: NDArray[np.float64] = np.asarray(course.point_at(position)) + away
    return center


def _anywhere(rng: np.random.Generator, occupied: OccupiedSpace) -> NDArray[np.float64]:
    body = occupied.body
    width, depth = body.half_width_mm, body.half_depth_mm
    height = rng.uniform(-190, -25) if rng.uniform() < 0.8 else rng.uniform(-25, 30)
    return np.array([rng.uniform(-0.55, 0.6) * width, rng.uniform(body.center_y_mm - 0.65 * depth, -35), height])


def _paint_loop(
    canvas: Canvas,
    occupied: OccupiedSpace,
    spec: PhantomSpec,
    rng: np.random.Generator,
    center: NDArray[np.float64],
    radius_mm: float,
    hu: Attenuation,
) -> None:
    slices = occupied.body.lattice.slices_around(center - _ROOM_MM, center + _ROOM_MM)
    if any(part.stop - part.start < 2 for part in slices):
        return
    lattice = occupied.body.lattice.cropped(slices)
    shape = _loop_shape(lattice, spec, rng, center, radius_mm)
    taken = occupied.taken[slices]
    shape = np.maximum(without(shape, taken, occupied.gap_mm[slices]), occupied.body.cavity[slices] + 2)
    np.minimum(taken, shape, out=taken)
    canvas.paint(Field(shape, lattice), hu.bowel_wall + float(rng.normal(0, 10)), texture_hu=5)
    kind = rng.uniform()
    content = float(rng.uniform(5, 45)) if kind < 0.66 else (-900.0 if kind < 0.8 else float(rng.normal(190, 40)))
    canvas.paint(Field(shape + 2.6, lattice), content, texture_hu=6)


def _loop_shape(
    lattice: Lattice, spec: PhantomSpec, rng: np.random.Generator, center: NDArray[np.float64], radius_mm: float
) -> Floats:
    rough = 1.3 * random_field(spec.seed, "bowel/loops", 6).on(lattice)
    if rng.uniform() < 0.35:
        long, flat = float(rng.uniform(12, 26)), float(rng.uniform(9, 16))
        return ellipsoid(lattice, (center[0], center[1], center[2]), (long, radius_mm, flat)) + rough
    first, second = np.clip(rng.normal(size=(2, 3)) * [21, 14, 13], -40, 40)
    path = [center - first, center, center + second]
    points: list[Point] = [(float(p[0]), float(p[1]), float(p[2])) for p in path]
    return tube(lattice, points, [radius_mm] * 3, reach_mm=12).distance + rough
