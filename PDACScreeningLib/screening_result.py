"""What a screening says: plain values, read and written as `screening.json`. No voxels, no torch.

`docs/reference/screening_json.md` documents the file field by field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from PDACScreeningLib import atomic_file
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.volume.geometry import XYZ, ZYX, Direction

SCHEMA_VERSION = 1
RESEARCH_NOTICE = "Research use only; not a medical device."


class Outcome(StrEnum):
    """Every input ends in exactly one of these."""

    SUSPICIOUS = "SUSPICIOUS"
    NOT_SUSPICIOUS = "NOT_SUSPICIOUS"
    INDETERMINATE = "INDETERMINATE"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def verdict(self) -> str:
        """The first line a person reads. Never a diagnosis, never "normal"."""
        return _VERDICTS[self]

    @property
    def exit_code(self) -> int:
        """Of the command line: 0 result, 3 indeterminate, 4 rejected, 5 failed, 130 cancelled (2 is usage)."""
        return _EXIT_CODES[self]


_VERDICTS = {
    Outcome.SUSPICIOUS: "Suspicious region found",
    Outcome.NOT_SUSPICIOUS: "No suspicious region found - does not exclude cancer",
    Outcome.INDETERMINATE: "Not assessable",
    Outcome.REJECTED: "Not assessable: the input was rejected",
    Outcome.FAILED: "Not assessable: the screening failed",
    Outcome.CANCELLED: "Cancelled before a result",
}
_EXIT_CODES = {
    Outcome.SUSPICIOUS: 0,
    Outcome.NOT_SUSPICIOUS: 0,
    Outcome.INDETERMINATE: 3,
    Outcome.REJECTED: 4,
    Outcome.FAILED: 5,
    Outcome.CANCELLED: 130,
}


@dataclass(frozen=True)
class ScaleEvidence:
    """What one network alone would say, after the component filter, on the working grid."""

    patch_size: int
    pancreas_voxels: int  # outside the tumor
    tumor_voxels: int
    mean_tumor_probability: float | None  # over its own tumor voxels; None when there are none
    windows: int  # evaluated
    windows_skipped: int  # held no body


@dataclass(frozen=True)
class Finding:
    """One 6-connected tumor region of the filtered segmentation, largest first."""

    number: int  # 1, 2, ...
    voxels: int  # of the working grid
    volume_mm3: float
    longest_diameter_mm: float
    centroid_lps_mm: XYZ
    inside_lps_mm: XYZ  # a point inside the region, for jumping there; a centroid may lie outside a bent region
    mean_hu: float
    mean_tumor_probability: float


@dataclass(frozen=True)
class ModelFacts:
    """Which model answered, and what it rests on."""

    name: str
    trained_on: str  # one sentence
    notice: str  # e.g. "demo model, trained on synthetic phantoms only"; empty when there is none
    is_demo: bool
    weights_sha256: str
    chosen_because: str  # how this model came to be used
    performance: str = ""  # one sentence of measured figures with what they were measured on; empty = unknown


@dataclass(frozen=True)
class InputFacts:
    """Which voxels were screened. Carries no patient identifier unless it was asked for."""

    kind: str  # "NIfTI", "NRRD", "MetaImage", "DICOM series"
    shape_zyx: ZYX
    spacing_mm_xyz: XYZ
    origin_lps_mm: XYZ
    direction: Direction
    voxels_sha256: str  # of the HU array as int16 little-endian, in (z, y, x) order of the file
    hu_range: tuple[int, int]
    identifiers: dict[str, str] = field(default_factory=dict)  # only with --include-identifiers


@dataclass(frozen=True)
class Protocol:
    """How the answer was computed: the numbers of section 2.3 that were in force."""

    name: str  # "exact": the paper's windows; "fast": few large ones
    working_spacing_mm_xyz: XYZ
    window_sizes: tuple[int, ...]
    strides: tuple[int, ...]
    roi_margin_voxels: int
    min_component_fraction: float
    min_tumor_voxels: int
    min_tumor_volume_mm3: float  # K in mm3 on the working grid
    score_count_weight: float
    window_margins: tuple[int, ...] = ()  # voxels next to another window that do not count; 0 each in the paper


@dataclass(frozen=True)
class Provenance:
    """What ran, where, when."""

    software: str
    versions: dict[str, str] = field(default_factory=dict)
    device: str = ""
    precision: str = ""
    config_sha256: str = ""
    started_utc: str = ""
    memory_steps: tuple[str, ...] = ()  # what the networks did because memory did not suffice


@dataclass(frozen=True)
class Screening:
    """The whole answer for one scan. What an outcome cannot know is None.

    score is a score in [0, 1] for ranking scans, never a probability of cancer.
    """

    outcome: Outcome
    reason: str  # one sentence: why this outcome
    score: float | None = None
    tumor_voxels: int | None = None
    tumor_volume_mm3: float | None = None
    pancreas_voxels: int | None = None  # outside the tumor, like the pancreas label
    pancreas_volume_mm3: float | None = None
    mean_tumor_probability: float | None = None
    scales: tuple[ScaleEvidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    model: ModelFacts | None = None
    input: InputFacts | None = None
    protocol: Protocol | None = None
    provenance: Provenance | None = None
    timings_s: dict[str, float] = field(default_factory=dict)
    notice: str = RESEARCH_NOTICE
    schema_version: int = SCHEMA_VERSION


def to_json(screening: Screening) -> dict[str, Any]:
    """Plain data of a screening, as written to `screening.json`."""
    plain: dict[str, Any] = to_plain(screening)
    return plain


def write_screening(screening: Screening, path: Path) -> Path:
    """Write `screening.json`. Raises WriteError."""
    return atomic_file.write_json(path, to_json(screening))


def from_json(data: Any) -> Screening:
    """Read what `to_json` wrote. Raises ValueError for another schema version or a foreign field."""
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        found = data.get("schema_version") if isinstance(data, dict) else type(data).__name__
        raise ValueError(f"screening.json has schema version {found}, this version reads {SCHEMA_VERSION}")
    return from_plain(Screening, data)
