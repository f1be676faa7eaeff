"""What section 3 leaves open about measuring, as named values (ADR 0015, 0016). All of it is ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from PDACScreeningLib.config import DEFAULT_PROTOCOL, ProtocolName

Normals = Literal["rotation", "every-fold"]
NORMALS: tuple[Normals, ...] = get_args(Normals)


@dataclass(frozen=True)
class ReadingSettings:
    """What decides a reading, the comparison of one scan with its truth. Changing it asks for new readings.

    surface_tolerance_mm: surfaces nearer than this agree, for NSD; two voxels of the coarsest grid in use (2.5 mm).
    min_overlap: intersection over union from which on a region found is the tumor; the choice of picai_eval.
    whole_volume: also run the fine networks over the whole volume, which the paper advises against, to measure why.
    protocol: "exact" is every window of the paper; "fast" is measured in its place, not beside it (ADR 0017).
    """

    surface_tolerance_mm: float = 5.0
    min_overlap: float = 0.1
    whole_volume: bool = False
    protocol: ProtocolName = DEFAULT_PROTOCOL

    def __post_init__(self) -> None:
        if self.surface_tolerance_mm <= 0:
            raise ValueError(f"surface_tolerance_mm must be positive, got {self.surface_tolerance_mm}")
        if not 0 < self.min_overlap <= 1:
            raise ValueError(f"min_overlap must lie in (0, 1], got {self.min_overlap}")


@dataclass(frozen=True)
class StatisticsSettings:
    """What decides the figures made of the readings. Changing it costs seconds.

    normals: who reads a patient whom every fold may test; in rotation each is read once (ADR 0015).
    sensitivities, specificities: at which the score's thresholds are told; the paper's own examples and round ones.
    max_k: end of the sweep over K; "even setting K = 1500 does not change our results".
    prevalences: for which predictive values are told.
    """

    normals: Normals = "rotation"
    bootstrap_samples: int = 2000
    seed: int = 0
    sensitivities: tuple[float, ...] = (0.985, 0.95, 0.90)
    specificities: tuple[float, ...] = (0.995, 0.956, 0.90)
    max_k: int = 1500
    calibration_bins: int = 5
    prevalences: tuple[float, ...] = (0.001, 0.01, 0.1)

    def __post_init__(self) -> None:
        if self.normals not in NORMALS:
            raise ValueError(f"normals must be one of {', '.join(NORMALS)}, got {self.normals}")
        for name in ("bootstrap_samples", "max_k", "calibration_bins"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not all(0 < prevalence < 1 for prevalence in self.prevalences):
            raise ValueError(f"a prevalence lies between 0 and 1, got {self.prevalences}")
