"""What a screening says: plain values. No voxels, no torch. The words are those of `screening.json`'s documentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from PDACScreeningLib.meaning import SHA256_OR_NOTHING, Checked, Meaning, check_values
from PDACScreeningLib.model_facts import ModelFacts as ModelFacts
from PDACScreeningLib.network_evidence import ScaleEvidence as ScaleEvidence
from PDACScreeningLib.outcome import JUDGED, NEVER_JUDGED, Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.structure_measures import StructureMeasures
from PDACScreeningLib.volume.geometry import XYZ, ZYX, Direction

SCHEMA_VERSION = 2
RESEARCH_NOTICE = "Research use only; not a medical device."
SHA256 = "^[0-9a-f]{64}$"


@dataclass(frozen=True)
class Finding(Checked):
    """One 6-connected tumor region of the filtered segmentation, largest first."""

    number: Annotated[int, Meaning("1, 2, ... from the largest to the smallest.", minimum=1)]
    voxels: Annotated[int, Meaning("Voxels of the working grid.", minimum=1)]
    volume_mm3: Annotated[float, Meaning("Volume of these voxels in cubic millimeters.", above=0)]
    longest_diameter_mm: Annotated[
        float,
        Meaning("Greatest distance between two points of the region, in three dimensions, in millimeters.", above=0),
    ]
    centroid_lps_mm: Annotated[XYZ, Meaning("Centroid (x, y, z) in LPS millimeters.")]
    inside_lps_mm: Annotated[
        XYZ, Meaning("A point inside the region (x, y, z) in LPS millimeters: a centroid may lie outside a bent one.")
    ]
    mean_hu: Annotated[float, Meaning("Mean density in Hounsfield units, on the working grid.")]
    mean_tumor_probability: Annotated[
        float | None,
        Meaning(
            "Mean softmax output of the combined networks for the class tumor over the region; null when there is no "
            "probability map.",
            minimum=0,
            maximum=1,
        ),
    ]
    native_volume_mm3: Annotated[
        float | None,
        Meaning(
            "Volume on the scan's own grid in cubic millimeters, as other programs measure it in the segmentation; 0 "
            "when no voxel of that grid is left of the region, null when unknown or left out.",
            minimum=0,
        ),
    ] = None

    left_out: Annotated[
        bool,
        Meaning(
            "Whether the component rule took the region away, so that it does not count; listed behind the others."
        ),
    ] = False

    image_number: Annotated[
        int | None,
        Meaning(
            "Number, in its DICOM series, of the image that the inner point lies in; null when the scan is no series "
            "of single images or its headers do not tell.",
            minimum=0,
        ),
    ] = None

    @property
    def shown_volume_mm3(self) -> float:
        """The volume a reader sees: on the scan's own grid, where that is known."""
        return self.volume_mm3 if self.native_volume_mm3 is None else self.native_volume_mm3


@dataclass(frozen=True)
class InputFacts(Checked):
    """Which voxels were screened. Carries no patient identifier unless it was asked for."""

    kind: Annotated[
        str, Meaning('File format: "NIfTI", "NRRD", "MetaImage", "DICOM series", or "voxels" that came from no file.')
    ]
    shape_zyx: Annotated[ZYX, Meaning("Voxels along (z, y, x) of the file.", minimum=1)]
    spacing_mm_xyz: Annotated[XYZ, Meaning("Voxel spacing along (x, y, z) in millimeters.", above=0)]
    origin_lps_mm: Annotated[XYZ, Meaning("Center of the first voxel (x, y, z) in LPS millimeters.")]
    direction: Annotated[
        Direction,
        Meaning("3x3 direction matrix, row by row; column k is the LPS direction of index axis k of (x, y, z)."),
    ]
    voxels_sha256: Annotated[
        str,
        Meaning(
            "SHA-256 of the Hounsfield units as little-endian int16, in (z, y, x) order of the file.",
            pattern=SHA256_OR_NOTHING,
        ),
    ]
    hu_range: Annotated[tuple[int, int], Meaning("Lowest and highest Hounsfield unit.")]
    series_number: Annotated[
        int | None,
        Meaning("Number of the DICOM series; null when the scan is none or its headers do not tell.", minimum=0),
    ] = None
    identifiers: Annotated[
        dict[str, str],
        Meaning("Patient and study identifiers. Empty unless they were asked for with --include-identifiers."),
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """What ran, where, when."""

    software: Annotated[str, Meaning("Name and version of this software.")]
    versions: Annotated[dict[str, str], Meaning("Versions of Python and of the packages a result depends on.")] = field(
        default_factory=dict
    )
    device: Annotated[str, Meaning('What the networks ran on, e.g. "cpu"; empty when none ran.')] = ""
    precision: Annotated[str, Meaning('Number format of the networks, e.g. "fp32"; empty when none ran.')] = ""
    config_sha256: Annotated[
        str,
        Meaning(
            "SHA-256 of the model's screening configuration; empty when none was loaded.", pattern=SHA256_OR_NOTHING
        ),
    ] = ""
    started_utc: Annotated[str, Meaning("Start in UTC, ISO 8601.")] = ""
    memory_steps: Annotated[
        tuple[str, ...],
        Meaning(
            "What the networks did because memory did not suffice, e.g. fewer windows at once; empty when it did. The "
            "answer is the same."
        ),
    ] = ()


@dataclass(frozen=True)
class Screening:
    """The whole answer for one scan. What an outcome cannot know is None.

    score is a score in [0, 1] for ranking scans, never a probability of cancer.
    """

    outcome: Annotated[
        Outcome,
        Meaning(
            "How the screening ended. SUSPICIOUS and NOT_SUSPICIOUS are results; the others are not, and never mean "
            "that nothing is there."
        ),
    ]
    reason: Annotated[str, Meaning("Why this outcome, in one or two sentences.")]
    label: Annotated[str, Meaning("The reader's own name for the scan (--label); empty when none was given.")] = ""
    rule_call: Annotated[
        Outcome | None,
        Meaning(
            "What the rule of K alone says. The outcome is INDETERMINATE where its NOT_SUSPICIOUS is not believed, for "
            "the reason given. Null when the networks gave nothing."
        ),
    ] = None
    score: Annotated[
        float | None,
        Meaning(
            "Ranks scans: s = a n/(n + K) + (1 - a) p for n > 0 tumor voxels with mean tumor probability p, else 0. It "
            "does not decide and is not a probability of cancer. Null without a result, and for labels without a "
            "probability map.",
            minimum=0,
            maximum=1,
        ),
    ] = None
    tumor_voxels: Annotated[
        int | None,
        Meaning(
            "n: tumor voxels of the working grid after the component filter. The rule calls a scan suspicious from K "
            "on. Null without a result.",
            minimum=0,
        ),
    ] = None
    tumor_volume_mm3: Annotated[float | None, Meaning("Their volume in cubic millimeters.", minimum=0)] = None
    removed_tumor_voxels: Annotated[
        int | None,
        Meaning(
            "Tumor voxels that the component rule took away; from K on, a NOT_SUSPICIOUS of the rule is not believed.",
            minimum=0,
        ),
    ] = None
    pancreas_voxels: Annotated[
        int | None,
        Meaning("Voxels of the working grid labeled pancreas, outside the tumor. Null without a result.", minimum=0),
    ] = None
    pancreas_volume_mm3: Annotated[float | None, Meaning("Their volume in cubic millimeters.", minimum=0)] = None
    native_tumor_volume_mm3: Annotated[
        float | None,
        Meaning(
            "Volume of the tumor on the scan's own grid in cubic millimeters, as other programs measure it in the "
            "segmentation. The rule counts on the working grid. Null without a result, and when unknown.",
            minimum=0,
        ),
    ] = None
    native_pancreas_volume_mm3: Annotated[
        float | None,
        Meaning("Volume of the pancreas outside the tumor on the scan's own grid, likewise.", minimum=0),
    ] = None
    mean_tumor_probability: Annotated[
        float | None,
        Meaning(
            "p: mean softmax output of the combined networks for the class tumor over the tumor voxels; null when "
            "there are none. Not a probability of cancer.",
            minimum=0,
            maximum=1,
        ),
    ] = None
    candidate_score: Annotated[
        float | None,
        Meaning(
            "Confidence of the surest lesion candidate, the case score of the PANORAMA baseline: for imported "
            "nnU-Nets, beside `score`; null otherwise. Not a probability of cancer.",
            minimum=0,
            maximum=1,
        ),
    ] = None
    scales: Annotated[
        tuple[ScaleEvidence, ...],
        Meaning("What each network alone found, coarse to fine; empty without a result."),
    ] = ()
    findings: Annotated[
        tuple[Finding, ...],
        Meaning("Tumor regions, largest first; empty when no voxel is labeled tumor and without a result."),
    ] = ()
    anatomy: Annotated[
        tuple[StructureMeasures, ...],
        Meaning("Vessels and ducts around the pancreas; empty when the segmentation tells none: not looked at."),
    ] = ()
    warnings: Annotated[tuple[str, ...], Meaning("Sentences to know before believing the answer.")] = ()
    model: Annotated[ModelFacts | None, Meaning("Which model answered; null when none was loaded.")] = None
    input: Annotated[InputFacts | None, Meaning("Which voxels were screened; null when none could be read.")] = None
    protocol: Annotated[
        Protocol | None, Meaning("The numbers of the method that were in force; null when nothing was computed.")
    ] = None
    provenance: Annotated[
        Provenance | None,
        Meaning("What ran, where and when; null when it is unknown. Holds no host name, user name or path."),
    ] = None
    timings_s: Annotated[dict[str, float], Meaning("Seconds each step took.", minimum=0)] = field(default_factory=dict)
    files_sha256: Annotated[
        dict[str, str],
        Meaning("SHA-256 of the files written with this one, by name; others are not its own.", pattern=SHA256),
    ] = field(default_factory=dict)
    result_voxels_sha256: Annotated[
        dict[str, str],
        Meaning("SHA-256 of their (z, y, x) voxels: uint8 or little-endian float32.", pattern=SHA256),
    ] = field(default_factory=dict)
    notice: Annotated[str, Meaning("Research use only; not a medical device.")] = RESEARCH_NOTICE
    schema_version: Annotated[int, Meaning("Version of this file format.")] = SCHEMA_VERSION

    def __post_init__(self) -> None:
        check_values(self)
        numbers = (self.tumor_voxels, self.tumor_volume_mm3, self.pancreas_voxels, self.pancreas_volume_mm3)
        if self.outcome in JUDGED and None in (*numbers, self.protocol):
            raise ValueError(f"{self.outcome} needs tumor and pancreas voxels, their volumes and the protocol")
        if self.outcome in NEVER_JUDGED and (self.findings or {*numbers, self.score, self.rule_call} != {None}):
            raise ValueError(f"{self.outcome} cannot have a score, voxels or findings")
        if (
            self.rule_call not in (None, *JUDGED)
            or self.outcome in JUDGED
            and self.rule_call not in (None, self.outcome)
        ):
            raise ValueError(f"an outcome {self.outcome} cannot come of a rule that calls {self.rule_call}")
        if self.outcome in JUDGED and self.protocol is not None and self.tumor_voxels is not None:
            called = self.protocol.decision.calls(self.tumor_voxels, self.score)
            if called != (self.outcome is Outcome.SUSPICIOUS):
                raise ValueError(f"{self.outcome} does not follow from {self.tumor_voxels} tumor voxels by its rule")

    @property
    def can_be_scored_again(self) -> bool:
        """Whether edited segments can be scored like the AI's: not for results of an older file format."""
        return self.protocol is not None and self.schema_version == SCHEMA_VERSION
