"""Liver, spleen, kidneys, adrenal glands, stomach, gallbladder and lung bases."""

from __future__ import annotations

import numpy as np

from PDACScreeningLib.phantom.attenuation import Attenuation
from PDACScreeningLib.phantom.body import Body
from PDACScreeningLib.phantom.canvas import Canvas
from PDACScreeningLib.phantom.lattice import Field, Floats, Lattice, Point
from PDACScreeningLib.phantom.pancreas import GlandCourse
from PDACScreeningLib.phantom.random_field import random_field
from PDACScreeningLib.phantom.signed_distance import ellipsoid, smooth_union, tube, union, without
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.seeding import stream


class OccupiedSpace:
    """What is already somewhere in the cavity; later organs keep off. Distances (z, y, x) mm on the body's lattice."""

    def __init__(self, body: Body, solid: Floats, spec: PhantomSpec) -> None:
        self.body = body
        self.taken = solid.copy()
        gap = random_field(spec.seed, "organs/gap", 11).on(body.lattice)
        self.gap_mm: Floats = np.clip(spec.body.organ_gap_mm + 1.8 * gap, 0.2, 8).astype(
            np.float32
        )  # in places organs simply touch

    def settle(self, shape: Floats) -> Field:
        """The organ cut back to the free room inside the cavity; the room it takes is marked."""
        shape = np.maximum(without(shape, self.taken, self.gap_mm), self.body.cavity + 1)
        np.minimum(self.taken, shape, out=self.taken)
        return self.body.field(shape)


def kidney(lattice: Lattice, spec: PhantomSpec, side: int) -> Floats:
    """side: -1 right, +1 left. The left kidney lies higher, behind the tail of the pancreas."""
    x, y, z = kidney_center(spec, side)
    rough = random_field(spec.seed, "organs/kidney", 10).on(lattice)
    return ellipsoid(lattice, (x, y, z), (27, 25, 54)) + rough


def kidney_center(spec: PhantomSpec, side: int) -> Point:
    """Center of a kidney, (x, y, z) mm."""
    shift = stream(spec.seed, "phantom/organs/kidney").normal(0, 4, (2, 3))[max(side, 0)]
    spread = 62 + 0.12 * (spec.body.half_width_mm - 160)
    return (side * (spread + 0.7 * float(shift[0])), 4 + 0.6 * float(shift[1]), -18 + 6 * side + float(shift[2]))


def paint_kidneys(canvas: Canvas, occupied: OccupiedSpace, spec: PhantomSpec, hu: Attenuation) -> None:
    """Cortex, medulla, sinus fat and pelvis, and the adrenal glands above."""
    body = occupied.body
    columns = random_field(spec.seed, "organs/medulla", 4).on(body.lattice)
    for side in (-1, 1):
        x, y, z = kidney_center(spec, side)
        shape = occupied.settle(kidney(body.lattice, spec, side))
        canvas.paint(shape, hu.renal_cortex, texture_hu=6)
        canvas.paint(body.field(shape.values + 9 + 2.5 * columns), hu.renal_medulla, texture_hu=6)
        sinus = ellipsoid(body.lattice, (x - side * 13, y - 6, z), (13, 8, 26)) + 1.5 * columns
        canvas.paint(body.field(sinus), hu.fat, texture_hu=5)
        canvas.paint(
            body.field(ellipsoid(body.lattice, (x - side * 10, y - 2, z), (5, 4, 14)) + columns), 8, texture_hu=2
        )
        for limb in (-4, 4):
            adrenal = (
                ellipsoid(body.lattice, (side * 40 + limb, -18 + abs(limb), z + 58), (2.8, 12, 10)) + 0.6 * columns
            )
            canvas.paint(occupied.settle(adrenal), 60 + 20 * spec.acquisition.phase, texture_hu=3)


def paint_liver(canvas: Canvas, occupied: OccupiedSpace, spec: PhantomSpec, hu: Attenuation) -> None:
    """Right and left lobe at the patient's right, with vessels inside, and the gallbladder below."""
    body = occupied.body
    rng = stream(spec.seed, "phantom/organs/liver")
    width = body.half_width_mm
    rough = 2 * random_field(spec.seed, "organs/liver", 20).on(body.lattice)
    low = float(rng.uniform(-14, 14))
    right = ellipsoid(body.lattice, (-0.56 * width, -58, 50 + low), (0.46 * width, 82, 84))
    left = ellipsoid(
        body.lattice,
        (-10 + float(rng.normal(0, 8)), body.center_y_mm - 0.62 * body.half_depth_mm, 74 + low),
        (78, 34, 42),
    )
    hilum = ellipsoid(body.lattice, (-20, -40, -24 + low), (42, 60, 48))
    bladder = (
        ellipsoid(body.lattice, (-0.38 * width, body.center_y_mm - 0.45 * body.half_depth_mm, -2 + low), (14, 15, 26))
        + 0.5 * rough
    )
    canvas.paint(occupied.settle(bladder), 10, texture_hu=2)
    liver = occupied.settle(without(smooth_union(right, left, 12), hilum) + rough)
    canvas.paint(liver, hu.liver, texture_hu=5, vary=[(random_field(spec.seed, "organs/liver texture", 7), 2.5)])
    patch = canvas.cover(body.field(liver.values + 6))
    if patch is not None:
        vessels = np.clip(
            random_field(spec.seed, "organs/liver vessels", 3.4).at(patch.axes_mm) - np.float32(1.5), 0, 1
        )
        canvas.add(patch, vessels * np.float32(42 * spec.acquisition.phase))


def paint_spleen(canvas: Canvas, occupied: OccupiedSpace, spec: PhantomSpec, hu: Attenuation, bed: Point) -> None:
    """The spleen at the patient's left, where the tail of the pancreas points."""
    body = occupied.body
    rng = stream(spec.seed, "phantom/organs/spleen")
    x = max(0.66 * body.half_width_mm, bed[0] + 16)
    size = float(rng.uniform(0.85, 1.2))
    center = (x, -4 + float(rng.normal(0, 6)), 0.5 * (bed[2] + 60) + float(rng.normal(0, 6)))
    shape = ellipsoid(body.lattice, center, (33 * size, 42 * size, 52 * size))
    rough = random_field(spec.seed, "organs/spleen", 16).on(body.lattice)
    canvas.paint(occupied.settle(shape + 1.5 * rough), hu.spleen)


def paint_stomach(canvas: Canvas, occupied: OccupiedSpace, spec: PhantomSpec, course: GlandCourse) -> None:
    """Fundus and body at the left, antrum across the front of the gland, with its content."""
    body = occupied.body
    rng = stream(spec.seed, "phantom/organs/stomach")
    depth, width = body.half_depth_mm, body.half_width_mm
    rough = 2 * random_field(spec.seed, "organs/stomach", 16).on(body.lattice)
    fundus = ellipsoid(
        body.lattice, (0.36 * width + float(rng.normal(0, 5)), body.center_y_mm - 0.36 * depth, 62), (46, 42, 50)
    )
    fill = float(rng.uniform(0.75, 1.2))
    neck, front, side = course.points[2], course.points[3], course.points[4]
    ahead = 25 + 6 * fill
    path = [
        (side[0] + 4, side[1] - ahead - 12, side[2] + 26),
        (front[0] + 14, front[1] - ahead, front[2] + 14),
        (neck[0] + 10, neck[1] - ahead + 2, neck[2] + 10),
        (neck[0] - 22, neck[1] - ahead + 6, neck[2] + 18),
    ]
    antrum = tube(body.lattice, path, [24 * fill, 21 * fill, 17 * fill, 12 * fill]).distance
    stomach = occupied.settle(smooth_union(fundus, antrum, 15) + rough)
    canvas.paint(stomach, 60 + 25 * spec.acquisition.phase)
    lumen = stomach.values + 4.5
    content = {"water": 15.0, "gas": 20.0, "contrast": 180.0}[spec.body.stomach_content]
    canvas.paint(body.field(lumen), content, texture_hu=3)
    if spec.body.stomach_content == "gas":
        level = body.center_y_mm - 0.55 * depth + float(rng.normal(0, 6))
        _, y, _ = body.lattice.coordinates()
        canvas.paint(body.field(np.maximum(lumen, y - np.float32(level))), -930, texture_hu=0)


def paint_lungs(canvas: Canvas, body: Body, spec: PhantomSpec) -> None:
    """Lung bases above the domes of the diaphragm."""
    z, y, x = body.lattice.coordinates()
    outward, backward = np.maximum(np.abs(x) - 75, 0), np.maximum(y - np.float32(body.center_y_mm), 0)
    dome = np.float32(94) - np.float32(0.006) * outward**2 - np.float32(0.005) * backward**2  # the recesses reach lower
    heart = ellipsoid(body.lattice, (8, -46, 165), (46, 60, 72))
    lung = np.maximum(np.maximum(body.cavity - 4, dome - z), -heart).astype(np.float32)
    canvas.paint(body.field(np.maximum(heart + 6, body.cavity)), 42 + 100 * spec.acquisition.phase)
    canvas.paint(body.field(lung), -860, texture_hu=25)
    patch = canvas.cover(body.field(lung + 2))
    if patch is not None:
        vessels = np.clip(random_field(spec.seed, "organs/lung vessels", 3).at(patch.axes_mm) - np.float32(1.4), 0, 1)
        canvas.add(patch, vessels * np.float32(500))


def kidneys_union(lattice: Lattice, spec: PhantomSpec) -> Floats:
    """Both kidneys, for growth that has to stop at them."""
    return union(kidney(lattice, spec, -1), kidney(lattice, spec, 1))
