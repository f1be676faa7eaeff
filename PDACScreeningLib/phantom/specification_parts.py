"""The parts of a phantom specification: body, gland, tumor, scanner."""

from __future__ import annotations

from dataclasses import dataclass

from PDACScreeningLib.phantom.lattice import Point

GLAND_SHAPES = ("oblique", "transverse", "sigmoid", "horseshoe", "l-shaped", "inverted-v")
CONFOUNDERS = ("focal_fat", "cyst", "stranding", "duct_ectasia", "unopacified_duodenum")


@dataclass(frozen=True)
class BodySpec:
    """The trunk. All lengths in mm."""

    half_width_mm: float
    half_depth_mm: float
    subcutaneous_fat_mm: float
    disc_offset_mm: float  # where the vertebrae sit along z
    loop_count: int  # small bowel loops
    organ_gap_mm: float  # mean layer of fat between organs
    stomach_content: str  # water, gas or contrast


@dataclass(frozen=True)
class GlandSpec:
    """The healthy gland."""

    shape_family: str  # one of GLAND_SHAPES
    offset_mm: Point  # where the neck lies relative to its usual place, (x, y, z)
    tilt_degrees: float  # in the coronal plane; positive lifts the tail
    length_scale: float
    radius_scale: float
    duct_diameter_mm: float
    lobulation_mm: float
    fat_threshold: float  # the lower, the more fat between the lobules
    fat_amplitude_hu: float


@dataclass(frozen=True)
class TumorSpec:
    """An adenocarcinoma and what it does to its surroundings."""

    diameter_mm: float  # the largest extent in 3D that is aimed at
    position: float  # along the gland: 0 head, 1 tail
    contrast_hu: float  # how far below pure parenchyma, portal venous; the label, with fat and border, is 10 HU darker
    edge_mm: float  # width of the transition at its border
    lobes: int
    roughness: float  # surface irregularity, as a fraction of the radius
    spiculation_mm: float
    heterogeneity_hu: float
    gradient_hu: float  # change from one side to the other
    necrotic: bool
    upstream_duct_mm: float
    atrophy_mm: float  # how much thinner the gland is upstream
    bile_duct_mm: float
    vein_narrowing_mm: float
    stranding: float  # 0..1


@dataclass(frozen=True)
class AcquisitionSpec:
    """The scanner."""

    phase: float  # contrast in the vessels and organs: 0 none, 1 full portal venous
    noise_hu: float  # standard deviation in the middle of the body
    noise_cutoff_per_mm: float
    in_plane_blur_mm: float  # standard deviation of the point spread
    slice_blur_mm: float  # standard deviation of the slice profile
