"""What a phantom is to be: plain frozen values that travel in `phantom.json`.

Everything that distinguishes two cases follows from these values, so equal specifications give equal bytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from PDACScreeningLib.phantom.lattice import Point
from PDACScreeningLib.phantom.specification_parts import (
    CONFOUNDERS,
    GLAND_SHAPES,
    AcquisitionSpec,
    BodySpec,
    GlandSpec,
    TumorSpec,
)

GENERATOR_VERSION = "1.0"  # changes whenever the bytes of a phantom change
DEFAULT_SHAPE = (96, 128, 128)
DEFAULT_SPACING_MM = (2.9, 2.9, 2.5)


@dataclass(frozen=True)
class PhantomSpec:
    """One phantom. shape: voxels (z, y, x); spacing_mm: (x, y, z); tumor is None in a normal case.

    Raises ValueError for a grid or a value that makes no phantom.
    """

    seed: int
    shape: tuple[int, int, int]
    spacing_mm: Point
    field_of_view_offset_mm: Point
    body: BodySpec
    gland: GlandSpec
    tumor: TumorSpec | None
    confounders: tuple[str, ...]
    acquisition: AcquisitionSpec
    generator_version: str = GENERATOR_VERSION

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if np.shape(self.shape) != (3,) or min(self.shape) < 8:
            raise ValueError(f"shape must be three lengths (z, y, x) of at least 8 voxels, got {self.shape}")
        if np.shape(self.spacing_mm) != (3,) or not all(np.isfinite(mm) and 0.2 <= mm <= 12 for mm in self.spacing_mm):
            raise ValueError(f"spacing must be three lengths (x, y, z) of 0.2 to 12 mm, got {self.spacing_mm}")
        if self.tumor is not None and not 8 <= self.tumor.diameter_mm <= 100:
            raise ValueError(f"tumor diameter must be 8 to 100 mm, got {self.tumor.diameter_mm}")
        if not 0 <= self.acquisition.phase <= 1.5:
            raise ValueError(f"phase must be 0 (no contrast) to 1.5, got {self.acquisition.phase}")
        if not 0 <= self.acquisition.noise_hu <= 200:
            raise ValueError(f"noise must be 0 to 200 HU, got {self.acquisition.noise_hu}")
        if self.gland.shape_family not in GLAND_SHAPES or not set(self.confounders) <= set(CONFOUNDERS):
            raise ValueError(f"unknown gland shape or confounder: {self.gland.shape_family}, {self.confounders}")

    @property
    def tumor_diameter_mm(self) -> float | None:
        """The diameter asked for; None in a normal case."""
        return None if self.tumor is None else self.tumor.diameter_mm

    def to_json(self) -> dict[str, Any]:
        """Plain data for `json`; `from_json` gives the equal value back."""
        return asdict(self)

    @staticmethod
    def from_json(content: dict[str, Any]) -> PhantomSpec:
        """The specification in `content`. Raises ValueError when it is not one of this generator version."""
        if not isinstance(content, dict):
            raise ValueError("a phantom specification is an object with named values")
        if content.get("generator_version") != GENERATOR_VERSION:
            raise ValueError(
                f"this is generator {GENERATOR_VERSION}, the specification is of {content.get('generator_version')}"
            )
        try:
            gland = {**content["gland"], "offset_mm": tuple(content["gland"]["offset_mm"])}
            tumor = content["tumor"]
            parts = {
                "shape": tuple(content["shape"]),
                "spacing_mm": tuple(content["spacing_mm"]),
                "field_of_view_offset_mm": tuple(content["field_of_view_offset_mm"]),
                "body": BodySpec(**content["body"]),
                "gland": GlandSpec(**gland),
                "tumor": None if tumor is None else TumorSpec(**tumor),
                "confounders": tuple(content["confounders"]),
                "acquisition": AcquisitionSpec(**content["acquisition"]),
            }
            return PhantomSpec(**{**content, **parts})
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a phantom specification: {error}") from error
