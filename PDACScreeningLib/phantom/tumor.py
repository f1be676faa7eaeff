"""The adenocarcinoma: a lobed, rough mass that starts in the gland, and its brightness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from PDACScreeningLib.phantom.canvas import Canvas
from PDACScreeningLib.phantom.lattice import Field, Floats, Lattice, Point
from PDACScreeningLib.phantom.pancreas import Gland
from PDACScreeningLib.phantom.random_field import RandomField, random_field
from PDACScreeningLib.phantom.signed_distance import ellipsoid, smooth_union
from PDACScreeningLib.phantom.specification_parts import TumorSpec
from PDACScreeningLib.seeding import stream

_OUTSIDE_MM = 40.0
_FITTING_STEPS = 6
_TOLERANCE = 0.06


@dataclass(frozen=True, eq=False)
class Tumor:
    """distance: (z, y, x) signed distance in mm on the lattice of the gland; center (x, y, z) in LPS mm."""

    distance: Floats
    center: Point
    extent_mm: float


@dataclass(frozen=True, eq=False)
class _Mass:
    """Everything drawn about the shape; only the radius is still open."""

    lattice: Lattice
    lobes: list[tuple[NDArray[np.float64], NDArray[np.float64]]]  # (offset, radii) in units of the radius
    surface: Floats  # unit roughness
    spikes: Floats  # mm
    center: Point
    limit: Floats  # no mass where this is positive
    gland: Floats


def build_tumor(seed: int, tumor: TumorSpec, gland: Gland, limit: Floats) -> Tumor:
    """A mass of the diameter asked for.

    limit: (z, y, x) mm on the lattice of the gland, positive where nothing may grow (aorta, spine, kidney, wall).
    The mass leaves the gland by at most about half its radius. Where the limits leave no room it stays smaller.
    """
    center = _center(seed, tumor, gland)
    reach = np.full(3, 0.85 * tumor.diameter_mm + 10)
    slices = gland.lattice.slices_around(np.array(center) - reach, np.array(center) + reach)
    mass = _draw_mass(seed, tumor, gland, slices, limit[slices], center)
    tried: list[_Fit] = []
    for calm in (1.0, 0.6, 0.3):  # a rough mass may fall apart at every radius; a calmer one does not
        tried.append(_fitted(mass, tumor, calm))
        if abs(tried[-1].extent_mm / tumor.diameter_mm - 1) < _TOLERANCE:
            break
    best = _closest(tried, tumor)
    distance = np.full(gland.lattice.shape, _OUTSIDE_MM, np.float32)
    distance[slices] = best.shape
    return Tumor(distance, center, best.extent_mm)


@dataclass(frozen=True, eq=False)
class _Fit:
    """A mass of some radius: its largest extent and its distance on the cropped lattice."""

    extent_mm: float
    shape: Floats


def _fitted(mass: _Mass, tumor: TumorSpec, calm: float) -> _Fit:
    """The mass whose extent comes closest to the diameter asked for."""
    radius = 0.5 * tumor.diameter_mm
    fits: list[_Fit] = []
    for _ in range(_FITTING_STEPS):
        shape = _grown(mass, tumor, radius, calm)
        extent = largest_extent_mm(shape < 0, mass.lattice.pitch_mm)
        fits.append(_Fit(extent, shape))
        radius *= float(np.clip(tumor.diameter_mm / max(extent, 1.0), 0.75, 1.3)) ** 0.85
        radius = min(radius, 1.1 * tumor.diameter_mm)
    return _closest(fits, tumor)


def _closest(fits: list[_Fit], tumor: TumorSpec) -> _Fit:
    return min(fits, key=lambda fit: abs(fit.extent_mm - tumor.diameter_mm))


def _center(seed: int, tumor: TumorSpec, gland: Gland) -> Point:
    """Near the center line, a little to one side."""
    x, y, z = gland.course.point_at(tumor.position)
    aside = stream(seed, "phantom/tumor/center").normal(0, min(4.0, 0.12 * tumor.diameter_mm), 3)
    return (x + float(aside[0]), y + float(aside[1]), z + float(aside[2]))


def _draw_mass(
    seed: int, tumor: TumorSpec, gland: Gland, slices: tuple[slice, slice, slice], limit: Floats, center: Point
) -> _Mass:
    rng = stream(seed, "phantom/tumor/shape")
    lattice = gland.lattice.cropped(slices)
    main = np.array([rng.uniform(0.85, 1.5), rng.uniform(0.65, 1.0), rng.uniform(0.7, 1.2)])
    lobes = [(np.zeros(3), main)]
    for _ in range(tumor.lobes - 1):
        direction = rng.normal(size=3)
        offset = direction / np.linalg.norm(direction) * rng.uniform(0.45, 0.8)
        lobes.append((offset, rng.uniform(0.4, 0.75, 3)))
    large = random_field(seed, "tumor/surface large", max(4.5, 0.28 * tumor.diameter_mm)).on(lattice)
    small = random_field(seed, "tumor/surface small", max(2.8, 0.11 * tumor.diameter_mm)).on(lattice)
    spikes = np.clip(random_field(seed, "tumor/spikes", 2.0).on(lattice), -1, 2.5) * np.float32(-tumor.spiculation_mm)
    return _Mass(
        lattice,
        lobes,
        np.float32(0.8) * large + np.float32(0.45) * small,
        spikes,
        center,
        limit,
        gland.distance[slices],
    )


def _grown(mass: _Mass, tumor: TumorSpec, radius_mm: float, calm: float) -> Floats:
    """The mass at a radius: one connected piece within its limits. calm: 0..1, less is smoother."""
    lobes: list[Floats] = []
    for offset, radii in mass.lobes:
        x, y, z = (float(middle + calm * radius_mm * part) for middle, part in zip(mass.center, offset, strict=True))
        width, depth, height = (float(radius_mm * part) for part in radii)
        lobes.append(ellipsoid(mass.lattice, (x, y, z), (width, depth, height)))
    shape = reduce(lambda one, other: smooth_union(one, other, 0.3 * radius_mm), lobes)
    shape = shape + np.float32(calm * tumor.roughness * radius_mm) * mass.surface + np.float32(calm) * mass.spikes
    shape = np.maximum(shape, mass.gland - np.float32(0.5 * radius_mm))
    shape = np.maximum(shape, mass.limit)
    return _largest_piece(shape)


def _largest_piece(shape: Floats) -> Floats:
    """Distance with everything but the largest connected piece pushed outside."""
    pieces, count = ndimage.label(shape < 0)
    if count < 2:
        return shape
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.where((shape < 0) & (pieces != sizes.argmax()), np.float32(1), shape)


def largest_extent_mm(mask: NDArray[np.bool_], pitch_mm: float | NDArray[np.float64]) -> float:
    """Largest width of a (z, y, x) mask over 92 directions, in mm; 0 for an empty mask. pitch_mm: one or (z, y, x)."""
    border = mask & ~ndimage.binary_erosion(mask)
    points = np.argwhere(border) * np.broadcast_to(np.asarray(pitch_mm, np.float64), 3)
    if len(points) == 0:
        return 0.0
    count = 92
    height = (np.arange(count) + 0.5) / count  # a half sphere: opposite directions see the same width
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    ring = np.sqrt(1 - height**2)
    directions = np.column_stack([height, ring * np.sin(turn), ring * np.cos(turn)])
    widths = np.ptp(points @ directions.T, axis=0) + np.abs(directions) @ np.broadcast_to(np.asarray(pitch_mm), 3) * 0.6
    return float(widths.max())


def paint_tumor(
    canvas: Canvas, seed: int, tumor: TumorSpec, mass: Tumor, gland: Gland, gland_hu: float, phase: float
) -> None:
    """Hypo-attenuating tissue with its own texture, an optional necrotic core, and strands around it."""
    rng = stream(seed, "phantom/tumor/brightness")
    field = Field(mass.distance, gland.lattice)
    coarse = random_field(seed, "tumor/texture coarse", max(4.0, 0.2 * tumor.diameter_mm))
    fine = random_field(seed, "tumor/texture fine", 2.6)
    _paint_strands(canvas, seed, tumor, mass, gland)
    patch = canvas.cover(field, tumor.edge_mm)
    if patch is None:
        return
    contrast = tumor.contrast_hu * (0.3 + 0.7 * min(phase, 1.1))  # without contrast a tumor hardly differs
    value = np.float32(gland_hu - contrast) + np.float32(4) * canvas.texture[patch.slices]
    value += np.float32(tumor.heterogeneity_hu) * (
        np.float32(0.75) * coarse.at(patch.axes_mm) + np.float32(0.65) * fine.at(patch.axes_mm)
    )
    value += _slope(patch.axes_mm, mass.center, rng.normal(size=3), tumor)
    canvas.blend(patch, value)
    if tumor.necrotic:
        _paint_necrosis(canvas, seed, tumor, mass, gland, rng.uniform(4, 28))


def _slope(
    axes_mm: tuple[Floats, Floats, Floats], center: Point, direction: NDArray[np.float64], tumor: TumorSpec
) -> Floats:
    """A change of brightness from one side of the mass to the other, in HU."""
    steep = direction / np.linalg.norm(direction) * tumor.gradient_hu / tumor.diameter_mm
    z, y, x = axes_mm
    slope = (
        (z[:, None, None] - np.float32(center[2])) * np.float32(steep[2])
        + (y[None, :, None] - np.float32(center[1])) * np.float32(steep[1])
        + (x[None, None, :] - np.float32(center[0])) * np.float32(steep[0])
    )
    clipped: Floats = np.clip(slope, -tumor.gradient_hu, tumor.gradient_hu)
    return clipped


def _paint_necrosis(canvas: Canvas, seed: int, tumor: TumorSpec, mass: Tumor, gland: Gland, hu: float) -> None:
    wave: RandomField = random_field(seed, "tumor/necrosis", max(4.0, 0.15 * tumor.diameter_mm))
    core = mass.distance + np.float32(0.22 * tumor.diameter_mm)
    core = core + np.float32(0.07 * tumor.diameter_mm) * wave.on(gland.lattice)
    canvas.paint(Field(core, gland.lattice), hu, texture_hu=4, edge_mm=4)


def _paint_strands(canvas: Canvas, seed: int, tumor: TumorSpec, mass: Tumor, gland: Gland) -> None:
    """Soft tissue strands in the fat around the mass."""
    patch = canvas.cover(Field(mass.distance - 7, gland.lattice), 6)
    if patch is None:
        return
    strands = np.clip(random_field(seed, "tumor/strands", 1.9).at(patch.axes_mm) - np.float32(0.7), 0, 1)
    towards = np.float32(35) - canvas.hu[patch.slices]
    canvas.add(patch, np.float32(0.7 * tumor.stranding) * strands * np.clip(towards, -20, 140))
