"""Draws a random phantom specification. Each part has its own stream, so overriding one leaves the others alone."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np

from PDACScreeningLib.phantom.lattice import Point
from PDACScreeningLib.phantom.specification import DEFAULT_SHAPE, DEFAULT_SPACING_MM, PhantomSpec
from PDACScreeningLib.phantom.specification_parts import (
    GLAND_SHAPES,
    AcquisitionSpec,
    BodySpec,
    GlandSpec,
    TumorSpec,
)
from PDACScreeningLib.seeding import stream

MEDIAN_DIAMETER_MM = 32.0  # PANORAMA: lognormal, median 32 mm, sigma 0.42
DIAMETER_LOG_SIGMA = 0.42
DIAMETER_RANGE_MM = (12.5, 95.0)


def random_specification(
    seed: int,
    *,
    tumor_diameter_mm: float | None = None,
    shape: tuple[int, int, int] = DEFAULT_SHAPE,
    spacing_mm: Point = DEFAULT_SPACING_MM,
    phase: float | None = None,
    noise_hu: float | None = None,
    gland_fat: float | None = None,
) -> PhantomSpec:
    """The phantom of a seed on a grid; without a diameter the pancreas is free of tumor.

    shape: voxels (z, y, x); spacing_mm: (x, y, z). The body depends on the seed alone, so the same seed with and
    without a tumor is the same person. phase, noise_hu and gland_fat (share of the gland that is fat between its
    lobules, 0.01 to 0.9) replace the drawn values.
    """
    rng = stream(seed, "phantom/field of view")
    offset = (float(rng.normal(0, 5)), float(rng.normal(0, 5)), float(rng.uniform(-22, 22)))
    return PhantomSpec(
        seed=seed,
        shape=shape,
        spacing_mm=spacing_mm,
        field_of_view_offset_mm=_rounded(offset),
        body=_body(seed),
        gland=_gland(seed, gland_fat),
        tumor=None if tumor_diameter_mm is None else _tumor(seed, tumor_diameter_mm),
        confounders=_confounders(seed),
        acquisition=_acquisition(seed, phase, noise_hu),
    )


def random_diameter_mm(rng: np.random.Generator) -> float:
    """A tumor diameter in mm as in the PANORAMA labels."""
    drawn = rng.lognormal(np.log(MEDIAN_DIAMETER_MM), DIAMETER_LOG_SIGMA)
    return round(float(np.clip(drawn, *DIAMETER_RANGE_MM)), 1)


def _rounded(point: Point) -> Point:
    return (round(point[0], 2), round(point[1], 2), round(point[2], 2))


def _body(seed: int) -> BodySpec:
    rng = stream(seed, "phantom/body")
    width = rng.uniform(142, 188)
    fat = min(rng.uniform(7, 34), width - 124)
    depth = max(width * rng.uniform(0.65, 0.77), 100 + 0.55 * fat)
    return BodySpec(
        half_width_mm=round(width, 1),
        half_depth_mm=round(depth, 1),
        subcutaneous_fat_mm=round(fat, 1),
        disc_offset_mm=round(rng.uniform(0, 33), 1),
        loop_count=int(rng.integers(40, 66)),
        organ_gap_mm=round(rng.uniform(0.6, 4.8), 2),
        stomach_content=str(rng.choice(["water", "gas", "contrast"], p=[0.5, 0.25, 0.25])),
    )


def _gland(seed: int, fat: float | None) -> GlandSpec:
    rng = stream(seed, "phantom/gland")
    offset = (rng.uniform(-13, 13), rng.normal(0, 4), rng.uniform(-20, 20))
    gland = GlandSpec(
        shape_family=str(rng.choice(GLAND_SHAPES, p=[0.34, 0.16, 0.16, 0.12, 0.12, 0.10])),
        offset_mm=_rounded(offset),
        tilt_degrees=round(rng.normal(0, 7), 1),
        length_scale=round(float(np.clip(rng.normal(1.0, 0.08), 0.82, 1.18)), 3),
        radius_scale=round(float(np.clip(rng.normal(0.985, 0.14), 0.68, 1.3)), 3),
        duct_diameter_mm=round(rng.uniform(1.2, 2.6), 2),
        lobulation_mm=round(rng.uniform(0.6, 2.2), 2),
        fat_threshold=round(rng.uniform(0.5, 1.8), 2),
        fat_amplitude_hu=round(rng.uniform(20, 100), 1),
    )
    if fat is None:
        return gland
    return replace(gland, fat_threshold=round(NormalDist().inv_cdf(1 - fat), 2))  # of a field of mean 0 and spread 1


def _tumor(seed: int, diameter_mm: float) -> TumorSpec:
    rng = stream(seed, "phantom/tumor")
    in_head = rng.uniform() < 0.65
    position = rng.uniform(0.0, 0.26) if in_head else rng.uniform(0.34, 0.96)
    nearly_equal = rng.uniform() < 0.12
    contrast = rng.uniform(4, 14) if nearly_equal else rng.uniform(16, 58)
    dilated = rng.uniform() < 0.8
    return TumorSpec(
        diameter_mm=float(diameter_mm),
        position=round(position, 3),
        contrast_hu=round(contrast, 1),
        edge_mm=round(rng.uniform(1.5, 8), 1),
        lobes=int(rng.integers(1, 5)),
        roughness=round(rng.uniform(0.07, 0.26), 3),
        spiculation_mm=round(rng.uniform(0, min(1.8, 0.05 * max(0.0, diameter_mm))), 2),
        heterogeneity_hu=round(rng.uniform(3, 14), 1),
        gradient_hu=round(rng.uniform(0, 18), 1),
        necrotic=bool(rng.uniform() < 0.25 and diameter_mm > 20),
        upstream_duct_mm=round(rng.uniform(3, 8.5) if dilated else rng.uniform(1.5, 2.6), 1),
        atrophy_mm=round(rng.uniform(0, 1.4), 1),
        bile_duct_mm=round(rng.uniform(9, 17) if in_head else rng.uniform(3.5, 8), 1),
        vein_narrowing_mm=round(rng.uniform(0, 4), 1),
        stranding=round(rng.uniform(0, 1), 2),
    )


def _confounders(seed: int) -> tuple[str, ...]:
    """Benign findings; drawn without looking at the tumor, so they are as frequent in both kinds of cases."""
    rng = stream(seed, "phantom/confounders")
    frequency = {
        "focal_fat": 0.3,
        "cyst": 0.25,
        "stranding": 0.12,
        "duct_ectasia": 0.07,
        "unopacified_duodenum": 0.45,
    }
    return tuple(name for name, share in frequency.items() if rng.uniform() < share)


def _acquisition(seed: int, phase: float | None, noise_hu: float | None) -> AcquisitionSpec:
    rng = stream(seed, "phantom/acquisition")
    drawn_phase = round(float(np.clip(rng.normal(0.95, 0.15), 0.45, 1.25)), 3)
    drawn_noise = round(rng.uniform(8, 18), 1)
    return AcquisitionSpec(
        phase=drawn_phase if phase is None else phase,
        noise_hu=drawn_noise if noise_hu is None else noise_hu,
        noise_cutoff_per_mm=round(rng.uniform(0.15, 0.22), 3),
        in_plane_blur_mm=round(rng.uniform(0.55, 0.8), 2),
        slice_blur_mm=round(rng.uniform(0.6, 1.8), 2),
    )
