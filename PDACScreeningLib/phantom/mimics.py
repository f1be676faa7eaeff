"""Benign findings that look like a tumor or its signs: focal fat, cysts, edema. They keep the label of the gland."""

from __future__ import annotations

import numpy as np

from PDACScreeningLib.phantom.attenuation import Attenuation
from PDACScreeningLib.phantom.canvas import Canvas
from PDACScreeningLib.phantom.lattice import Field, Floats, Point
from PDACScreeningLib.phantom.pancreas import Gland
from PDACScreeningLib.phantom.random_field import random_field
from PDACScreeningLib.phantom.signed_distance import ellipsoid
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.seeding import stream


def paint_edema(canvas: Canvas, spec: PhantomSpec, gland: Gland, gland_distance: Floats) -> None:
    """Hazy fat around the gland, as in pancreatitis."""
    patch = canvas.cover(Field(gland_distance - 9, gland.lattice), 6)
    if patch is not None:
        haze = np.float32(stream(spec.seed, "phantom/mimics/edema").uniform(25, 60))
        streaks = random_field(spec.seed, "mimics/edema", 3).at(patch.axes_mm)
        fat = np.clip((0 - canvas.hu[patch.slices]) / 100, 0, 1)
        canvas.add(patch, haze * fat * np.clip(1 + 0.6 * streaks, 0, 2))


def paint_focal_fat(canvas: Canvas, spec: PhantomSpec, gland: Gland, gland_distance: Floats, hu: Attenuation) -> None:
    """Geographic fatty infiltration, mostly of the head: fat between lobules, no mass effect."""
    rng = stream(spec.seed, "phantom/mimics/focal fat")
    in_head = rng.uniform() < 0.75
    center = gland.course.point_at(float(rng.uniform(0.0, 0.28) if in_head else rng.uniform(0.45, 0.95)))
    radii = (float(rng.uniform(9, 15)), float(rng.uniform(8, 13)), float(rng.uniform(9, 18)))
    wave = random_field(spec.seed, "mimics/focal fat", 5).on(gland.lattice)
    zone = np.maximum(ellipsoid(gland.lattice, center, radii) + 2.2 * wave, gland_distance + 0.3)
    patch = canvas.cover(Field(zone, gland.lattice), 5)
    if patch is not None:
        share = np.float32(rng.uniform(0.2, 0.42)) + np.float32(0.14) * random_field(
            spec.seed, "mimics/fat lobules", 2.4
        ).at(patch.axes_mm)
        share = np.clip(share, 0, 0.8)
        canvas.blend(
            patch, np.float32(hu.pancreas) * (1 - share) + np.float32(hu.fat) * share + 4 * canvas.texture[patch.slices]
        )


def paint_cyst(canvas: Canvas, spec: PhantomSpec, gland: Gland, gland_distance: Floats) -> None:
    """One or two small cysts in or at the gland."""
    rng = stream(spec.seed, "phantom/mimics/cyst")
    for _ in range(int(rng.integers(1, 3))):
        x, y, z = gland.course.point_at(float(rng.uniform(0.05, 0.95)))
        shift = rng.normal(0, 3.5, 3)
        center: Point = (x + float(shift[0]), y + float(shift[1]), z + float(shift[2]))
        size = float(rng.uniform(3.5, 8.5))
        ball = ellipsoid(gland.lattice, center, (size, size * float(rng.uniform(0.7, 1.1)), size))
        canvas.paint(Field(np.maximum(ball, gland_distance), gland.lattice), float(rng.normal(10, 4)), texture_hu=1)
