"""From a specification to a CT volume with its true label map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from PDACScreeningLib.phantom.acquisition import acquire
from PDACScreeningLib.phantom.attenuation import Attenuation, attenuation
from PDACScreeningLib.phantom.body import (
    Body,
    build_body,
    paint_bones,
    paint_couch,
    paint_muscles,
    paint_trunk,
    spine_distance,
)
from PDACScreeningLib.phantom.bowel import paint_colon, paint_duodenum, paint_small_bowel
from PDACScreeningLib.phantom.canvas import Canvas
from PDACScreeningLib.phantom.lattice import Field, Floats
from PDACScreeningLib.phantom.mimics import paint_cyst, paint_edema, paint_focal_fat
from PDACScreeningLib.phantom.organs import (
    OccupiedSpace,
    kidneys_union,
    paint_kidneys,
    paint_liver,
    paint_lungs,
    paint_spleen,
    paint_stomach,
)
from PDACScreeningLib.phantom.pancreas import Gland, build_gland, duct_distance, gland_course
from PDACScreeningLib.phantom.random_field import random_field
from PDACScreeningLib.phantom.signed_distance import tube, union, without
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.phantom.tumor import Tumor, build_tumor, largest_extent_mm, paint_tumor
from PDACScreeningLib.phantom.vessels import GreatVessels, great_vessels, portal_veins, splenic_bed
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap


@dataclass(frozen=True)
class PhantomFacts:
    """What the finished label map measures. Millilitres and mm; the tumor's are 0 in a normal case."""

    pancreas_voxels: int
    tumor_voxels: int
    pancreas_ml: float
    tumor_ml: float
    tumor_max_diameter_mm: float
    tumor_hu_below_gland: float | None  # difference of the medians in the finished picture; None in a normal case
    confounders: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic CT with its truth."""

    ct: CTVolume
    labels: LabelMap
    specification: PhantomSpec
    facts: PhantomFacts


@dataclass(frozen=True, eq=False)
class _GlandSurroundings:
    """Everything around the gland, as signed distances (z, y, x) mm on the lattice of the gland."""

    gland: Gland
    parenchyma: Floats
    tumor: Tumor | None
    veins: Floats
    vessels: GreatVessels
    duct: Floats


def generate(spec: PhantomSpec) -> Phantom:
    """The phantom of a specification: equal specifications give equal bytes, whatever the number of processes."""
    geometry = phantom_geometry(spec)
    hu = attenuation(spec.seed, spec.acquisition.phase)
    body = build_body(spec)
    around = _gland_surroundings(spec, body)
    canvas = Canvas(geometry, random_field(spec.seed, "texture", 2.2))
    _paint_body(canvas, body, spec, hu)
    _paint_organs(canvas, body, around, spec, hu)
    _paint_gland_surroundings(canvas, around, spec, hu)
    ct = CTVolume(acquire(canvas, body, spec.seed, spec.acquisition), geometry)
    labels = _labels(canvas, around)
    return Phantom(ct, labels, spec, _facts(ct, labels, spec))


def phantom_geometry(spec: PhantomSpec) -> Geometry:
    """The voxel grid: axis-aligned, centered on the trunk in (x, y) and near the gland in z."""
    z, y, x = spec.shape
    course = gland_course(spec)
    heights = [point[2] for point in course.points]
    body_y = 62 + 0.6 * spec.body.subcutaneous_fat_mm - spec.body.half_depth_mm
    extent = (x * spec.spacing_mm[0], y * spec.spacing_mm[1], z * spec.spacing_mm[2])
    spare = max(0.0, extent[2] / 2 - (max(heights) - min(heights)) / 2 - 30)  # the gland stays inside, if it fits
    shift = spec.field_of_view_offset_mm
    center = (shift[0], body_y + shift[1], (max(heights) + min(heights)) / 2 + float(np.clip(shift[2], -spare, spare)))
    origin = tuple(
        round(middle - length / 2 + step / 2, 3)
        for middle, length, step in zip(center, extent, spec.spacing_mm, strict=True)
    )
    return Geometry(spec.shape, spec.spacing_mm, (origin[0], origin[1], origin[2]))


def _gland_surroundings(spec: PhantomSpec, body: Body) -> _GlandSurroundings:
    course = gland_course(spec)
    gland = build_gland(spec, course)
    vessels = great_vessels(gland.lattice, spec.seed, course.confluence, course.points)
    veins = portal_veins(gland.lattice, spec.seed, course.confluence, course.points, course.radii)
    cavity = body.field(body.cavity).on(gland.lattice)
    hard = union(vessels.aorta, vessels.cava, kidneys_union(gland.lattice, spec), spine_distance(gland.lattice))
    tumor, upstream = None, np.zeros(gland.lattice.shape, np.float32)
    parenchyma = gland.distance
    if spec.tumor is not None:
        limit = np.maximum(1.5 - union(hard, vessels.wall), cavity + 3)
        tumor = build_tumor(spec.seed, spec.tumor, gland, limit)
        upstream = np.clip((gland.position - np.float32(spec.tumor.position)) * 8, 0, 1)
        parenchyma = parenchyma + np.float32(spec.tumor.atrophy_mm) * upstream
        near = np.exp(-((np.maximum(tumor.distance, 0) / np.float32(6)) ** 2)).astype(np.float32)
        veins = without(veins + np.float32(spec.tumor.vein_narrowing_mm) * near, tumor.distance)
    blood = union(veins, vessels.arteries)
    parenchyma = np.maximum(without(without(parenchyma, hard, 1.5), blood, 0.3), cavity + 2)
    duct = duct_distance(gland, _duct_diameter(spec, upstream), parenchyma)
    if tumor is not None:
        vessels = GreatVessels(vessels.aorta, vessels.cava, without(vessels.arteries, tumor.distance), vessels.wall)
        duct = without(duct, tumor.distance)
    return _GlandSurroundings(gland, parenchyma, tumor, veins, vessels, duct)


def _duct_diameter(spec: PhantomSpec, upstream: Floats) -> Floats:
    """mm: wide upstream of a tumor, and a little wide in a case with ectasia."""
    usual = spec.gland.duct_diameter_mm
    if "duct_ectasia" in spec.confounders:
        usual += float(stream(spec.seed, "phantom/mimics/ectasia").uniform(1.5, 3.5))
    wide = usual if spec.tumor is None else max(usual, spec.tumor.upstream_duct_mm)
    return np.float32(usual) + np.float32(wide - usual) * upstream


def _paint_body(canvas: Canvas, body: Body, spec: PhantomSpec, hu: Attenuation) -> None:
    paint_couch(canvas, body)
    paint_trunk(canvas, body, spec, hu)
    paint_muscles(canvas, body, spec, hu)
    paint_bones(canvas, body, spec, hu)
    paint_lungs(canvas, body, spec)


def _paint_organs(canvas: Canvas, body: Body, around: _GlandSurroundings, spec: PhantomSpec, hu: Attenuation) -> None:
    """Organs from the least to the most yielding; all of them give way to the gland, its tumor and the vessels."""
    solid = around.parenchyma if around.tumor is None else union(around.parenchyma, around.tumor.distance)
    vessels = union(around.veins, around.vessels.arteries, around.vessels.aorta, around.vessels.cava) + 1
    taken = Field(union(solid, vessels), around.gland.lattice).on(body.lattice)
    far = great_vessels(body.lattice, spec.seed, around.gland.course.confluence, around.gland.course.points)
    canvas.paint(body.field(far.aorta), hu.artery, texture_hu=3)
    canvas.paint(body.field(far.cava), hu.vein - 25 * spec.acquisition.phase, texture_hu=4)
    taken = union(taken, far.aorta, far.cava, spine_distance(body.lattice))
    occupied = OccupiedSpace(body, taken, spec)
    course = around.gland.course
    paint_kidneys(canvas, occupied, spec, hu)
    paint_duodenum(canvas, occupied, spec, course, hu)
    paint_stomach(canvas, occupied, spec, course)
    paint_liver(canvas, occupied, spec, hu)
    paint_spleen(canvas, occupied, spec, hu, splenic_bed(course.points))
    paint_colon(canvas, occupied, spec)
    paint_small_bowel(canvas, occupied, spec, course, hu)


def _paint_gland_surroundings(canvas: Canvas, around: _GlandSurroundings, spec: PhantomSpec, hu: Attenuation) -> None:
    lattice = around.gland.lattice
    if "stranding" in spec.confounders:
        paint_edema(canvas, spec, around.gland, around.parenchyma)
    _paint_gland(canvas, around, spec, hu)
    if "focal_fat" in spec.confounders:
        paint_focal_fat(canvas, spec, around.gland, around.parenchyma, hu)
    canvas.paint(Field(around.duct, lattice), 12, texture_hu=2)
    if "cyst" in spec.confounders:
        paint_cyst(canvas, spec, around.gland, around.parenchyma)
    _paint_vessels(canvas, around, hu)
    if around.tumor is not None and spec.tumor is not None:
        paint_tumor(
            canvas,
            spec.seed,
            spec.tumor,
            around.tumor,
            around.gland,
            _mean_gland_hu(spec, hu),
            spec.acquisition.phase,
        )
    _paint_bile_duct(canvas, around, spec)


def _paint_gland(canvas: Canvas, around: _GlandSurroundings, spec: PhantomSpec, hu: Attenuation) -> None:
    """Lobules with fat between them; how much fat is a matter of the person."""
    field = Field(around.parenchyma, around.gland.lattice)
    patch = canvas.cover(field)
    if patch is None:
        return
    value = np.float32(hu.pancreas) + 5 * random_field(spec.seed, "gland/texture", 4.5).at(patch.axes_mm)
    value += 4 * canvas.texture[patch.slices]
    fat = random_field(spec.seed, "gland/fat", 2.4).at(patch.axes_mm) - np.float32(spec.gland.fat_threshold)
    value -= np.float32(spec.gland.fat_amplitude_hu) * np.clip(fat, 0, 1.2)
    canvas.blend(patch, value)


def _mean_gland_hu(spec: PhantomSpec, hu: Attenuation) -> float:
    """The mean of a gland with the fat between its lobules: what a tumor is darker than."""
    threshold = spec.gland.fat_threshold
    density = math.exp(-0.5 * threshold**2) / math.sqrt(2 * math.pi)
    fat_share = density - threshold * 0.5 * math.erfc(threshold / math.sqrt(2))  # mean of max(0, normal - threshold)
    return hu.pancreas - spec.gland.fat_amplitude_hu * fat_share


def _paint_vessels(canvas: Canvas, around: _GlandSurroundings, hu: Attenuation) -> None:
    lattice = around.gland.lattice
    canvas.paint(Field(around.veins, lattice), hu.vein, texture_hu=2)
    canvas.paint(Field(around.vessels.arteries, lattice), hu.artery, texture_hu=2)


def _paint_bile_duct(canvas: Canvas, around: _GlandSurroundings, spec: PhantomSpec) -> None:
    """The common bile duct, wide above a tumor of the head."""
    rng = stream(spec.seed, "phantom/bile duct")
    diameter = float(rng.uniform(3.5, 8)) if spec.tumor is None else spec.tumor.bile_duct_mm
    x, y, z = around.gland.course.points[1]
    low = around.gland.course.points[0]
    path = [
        (x - 8, y - 16, z + 52),
        (x - 4, y - 4, z + 26),
        (x - 4, y + 4, z + 6),
        (low[0] - 8, low[1] + 3, low[2] + 4),
    ]
    lattice = around.gland.lattice
    shape = without(tube(lattice, path, [diameter / 2] * 4, reach_mm=12).distance, around.veins)
    if around.tumor is not None:
        shape = without(shape, around.tumor.distance)
    canvas.paint(Field(shape, lattice), 8, texture_hu=2)


def _labels(canvas: Canvas, around: _GlandSurroundings) -> LabelMap:
    """Gland and tumor by the voxel's center, as one 6-connected component."""
    labels = np.zeros(canvas.geometry.shape, np.uint8)
    shapes = [(around.parenchyma, Label.PANCREAS)]
    if around.tumor is not None:
        shapes.append((around.tumor.distance, Label.TUMOR))
    for distance, label in shapes:
        hit = canvas.inside(Field(distance, around.gland.lattice))
        if hit is not None:
            labels[hit[0]][hit[1]] = label
    pieces, count = ndimage.label(labels > 0)
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        labels[pieces != sizes.argmax()] = Label.BACKGROUND
    return LabelMap(labels, canvas.geometry)


def _facts(ct: CTVolume, labels: LabelMap, spec: PhantomSpec) -> PhantomFacts:
    tumor = labels.labels == Label.TUMOR
    below = None
    if tumor.any():
        gland = labels.labels == Label.PANCREAS
        below = round(float(np.median(ct.hu[gland]) - np.median(ct.hu[tumor])), 2) if gland.any() else None
    return PhantomFacts(
        pancreas_voxels=labels.count(Label.PANCREAS),
        tumor_voxels=labels.count(Label.TUMOR),
        pancreas_ml=round(labels.volume_mm3(Label.PANCREAS) / 1000, 3),
        tumor_ml=round(labels.volume_mm3(Label.TUMOR) / 1000, 3),
        tumor_max_diameter_mm=round(largest_extent_mm(tumor, np.array(labels.geometry.spacing_mm[::-1])), 2),
        tumor_hu_below_gland=below,
        confounders=spec.confounders,
    )
