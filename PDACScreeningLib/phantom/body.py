"""The trunk: skin, fat, muscle wall, cavity, spine and ribs, and the couch below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PDACScreeningLib.phantom.attenuation import Attenuation
from PDACScreeningLib.phantom.canvas import Canvas
from PDACScreeningLib.phantom.lattice import Field, Floats, Lattice, lattice_over
from PDACScreeningLib.phantom.random_field import random_field
from PDACScreeningLib.phantom.signed_distance import ENDLESS, ellipsoid, union, without
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.seeding import stream

_PITCH_MM = 4.0
_BACK_MM = 62.0  # from the middle of the spine to the muscles of a lean back
_VERTEBRA_MM = 33.0  # height of a vertebra with its disc


@dataclass(frozen=True, eq=False)
class Body:
    """Signed distances (z, y, x) in mm on one lattice that covers the trunk, and where its middle lies."""

    lattice: Lattice
    trunk: Floats
    cavity: Floats  # inside of the abdominal wall
    center_y_mm: float
    half_width_mm: float
    half_depth_mm: float

    def field(self, values: Floats) -> Field:
        """A field on the lattice of the body."""
        return Field(values, self.lattice)

    @property
    def front_y_mm(self) -> float:
        """Anterior skin in the midline."""
        return self.center_y_mm - self.half_depth_mm


def build_body(spec: PhantomSpec) -> Body:
    """The outline of the trunk and its cavity. Raises nothing: every specification has a body."""
    shape = spec.body
    fat = shape.subcutaneous_fat_mm
    width, depth = shape.half_width_mm, shape.half_depth_mm
    center_y = _BACK_MM + 0.6 * fat - depth
    lattice = lattice_over(
        (-width - 8, center_y - depth - 8, -208), (width + 8, center_y + depth + 8, 208), _PITCH_MM, endless=True
    )
    wave = random_field(spec.seed, "body/outline", 25).on(lattice)
    trunk = ellipsoid(lattice, (0, center_y, 0), (width, depth, ENDLESS), power=2.3) + 1.2 * wave
    trunk += 2.5 * random_field(spec.seed, "body/waist", 60).on(lattice)
    wall_mm = float(stream(spec.seed, "phantom/body/wall").uniform(9, 13))
    inner = random_field(spec.seed, "body/cavity", 25).on(lattice)
    back_room = ellipsoid(lattice, (0, 46, 0), (50, 42, ENDLESS))
    spine_room = union(ellipsoid(lattice, (0, 0, 0), (30, 24, ENDLESS)), back_room)
    cavity = without(trunk + np.float32(fat + wall_mm) + np.float32(2) * inner, spine_room, 1)
    return Body(lattice, trunk, cavity, center_y, width, depth)


def paint_couch(canvas: Canvas, body: Body) -> None:
    """A curved carbon plate below the patient."""
    lattice = lattice_over((-210, body.center_y_mm, -208), (210, body.center_y_mm + 220, 208), _PITCH_MM, endless=True)
    _, y, x = lattice.coordinates()
    below = np.float32(body.center_y_mm + body.half_depth_mm + 9)
    plate = np.abs(y - below + 0.0012 * x * x) - 3.5
    plate = np.maximum(plate, np.abs(x) - 195)
    canvas.paint(Field(np.broadcast_to(plate, lattice.shape).astype(np.float32), lattice), -180, texture_hu=0)


def paint_trunk(canvas: Canvas, body: Body, spec: PhantomSpec, hu: Attenuation) -> None:
    """Skin, fat, muscle wall and the fat of the cavity with its strands."""
    fat = spec.body.subcutaneous_fat_mm
    inner = random_field(spec.seed, "body/cavity", 25).on(body.lattice)
    canvas.paint(body.field(body.trunk), hu.fat, texture_hu=6)
    canvas.paint(body.field(np.abs(body.trunk + 1.2) - 1.2), 30, texture_hu=0)
    canvas.paint(body.field(body.trunk + fat + 2 * inner), hu.muscle, texture_hu=5)
    cavity = body.field(body.cavity)
    canvas.paint(cavity, hu.fat, texture_hu=7, edge_mm=4)
    patch = canvas.cover(cavity)
    if patch is not None:
        for name, scale_mm, threshold, gain in (("fine", 2.6, 1.35, 60), ("coarse", 5.5, 1.5, 70)):
            strands = random_field(spec.seed, f"body/strands {name}", scale_mm).at(patch.axes_mm)
            canvas.add(patch, np.clip(strands - threshold, 0, 1.6) * np.float32(gain))


def paint_muscles(canvas: Canvas, body: Body, spec: PhantomSpec, hu: Attenuation) -> None:
    """Paraspinal muscles, psoas and the crura of the diaphragm."""
    rough = random_field(spec.seed, "body/muscles", 9).on(body.lattice)
    for side in (-1, 1):
        back = ellipsoid(body.lattice, (side * 33, 36, 0), (27, 21, ENDLESS)) + rough
        back = np.maximum(back, body.trunk + max(6.0, 0.5 * spec.body.subcutaneous_fat_mm))
        psoas = ellipsoid(body.lattice, (side * 37, 6, -62), (19, 18, 75)) + rough
        crus = ellipsoid(body.lattice, (side * 12, -14, 72), (8, 8, 60)) + 0.5 * rough
        canvas.paint(body.field(union(back, psoas, crus)), hu.muscle, texture_hu=5)


def paint_bones(canvas: Canvas, body: Body, spec: PhantomSpec, hu: Attenuation) -> None:
    """Ribs, vertebrae with discs, canal and processes."""
    lattice = body.lattice
    z, y, x = lattice.coordinates()
    angle = np.arctan2(x, -(y - body.center_y_mm))
    level = (z - 34 * np.abs(angle)) / 26 * 2 * np.pi
    wall = body.trunk + spec.body.subcutaneous_fat_mm
    rib = np.maximum(np.abs(wall + 6) - 4.2, (0.55 - np.cos(level)) * 5)
    outside = (z <= -60 + 25 * np.abs(angle)) | (np.abs(angle) < 0.55)
    rib = np.where(outside, np.float32(9), rib).astype(np.float32)
    canvas.paint(body.field(rib), 330, texture_hu=25)
    canvas.paint(body.field(rib + 2), 190, texture_hu=20)
    _paint_spine(canvas, spec, hu)


def _paint_spine(canvas: Canvas, spec: PhantomSpec, hu: Attenuation) -> None:
    lattice = lattice_over((-48, -28, -208), (48, 70, 208), 2.5, endless=True)
    z, y, x = lattice.coordinates()
    disc = np.cos((z + spec.body.disc_offset_mm) * np.float32(2 * np.pi / _VERTEBRA_MM))
    rough = random_field(spec.seed, "body/spine", 8).on(lattice)
    column = ellipsoid(lattice, (0, 0, 0), (23, 17, ENDLESS)) + 0.5 * rough
    bone = np.maximum(column - 1.5 * np.abs(disc) ** 3 + 0.7, (disc - 0.75) * 9)
    canvas.paint(Field(column, lattice), hu.muscle + 35)
    canvas.paint(Field(bone, lattice), 380, texture_hu=20)
    canvas.paint(
        Field(bone + 2.2, lattice), 170 + 25 * float(stream(spec.seed, "phantom/bone").normal()), texture_hu=25
    )
    ring = np.abs(ellipsoid(lattice, (0, 26, 0), (12, 11, ENDLESS))) - 2.5
    canvas.paint(Field(np.maximum(ring, (disc - 0.6) * 9), lattice), 380, texture_hu=30)
    canvas.paint(Field(ellipsoid(lattice, (0, 26, 0), (9, 8, ENDLESS)), lattice), 35, texture_hu=3)
    spinous = np.maximum(np.maximum(np.abs(x) - 2.5, np.abs(y - 46) - 13), (disc - 0.2) * 9)
    transverse = np.maximum(np.maximum(np.abs(y - 19) - 3, np.abs(x) - 34), (disc + 0.75) * 9)
    canvas.paint(Field(np.minimum(spinous, transverse), lattice), 310, texture_hu=30)


def spine_distance(lattice: Lattice) -> Floats:
    """Distance to the column of vertebral bodies on any lattice: nothing grows into it."""
    return ellipsoid(lattice, (0, 0, 0), (25, 19, ENDLESS))
