"""Screenings of every outcome, written down by hand, and the small scan they talk about."""

from dataclasses import replace

import numpy as np

from PDACScreeningLib.config import PAPER_SCALES, ComponentFilter, DecisionRule, ScoreWeights, WindowSpec
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.screening_result import Finding, InputFacts, ModelFacts, Provenance, ScaleEvidence, Screening
from PDACScreeningLib.structure_measures import StructureMeasures
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import IDENTITY, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

DEMO_NOTICE = "demo model, trained on synthetic phantoms only"
PERFORMANCE = "on 20 + 20 held-out phantoms: sensitivity 0.85, specificity 0.90"
MODEL = ModelFacts("demo-phantom", "240 phantoms", DEMO_NOTICE, True, "ab" * 32, "named with --model", PERFORMANCE)
INPUT = InputFacts("NIfTI", (24, 30, 36), (2.0, 2.0, 2.5), (-30.0, -25.0, 100.0), IDENTITY, "cd" * 32, (-1000, 900))
PROTOCOL = Protocol(
    name="exact",
    working_spacing_mm=2.0,
    working_spacing_mm_xyz=(2.0, 2.0, 2.5),
    windows=tuple(WindowSpec.of_paper(scale) for scale in PAPER_SCALES),
    roi_margin_voxels=32,
    components=ComponentFilter(),
    decision=DecisionRule(),
    score=ScoreWeights(),
)
PROVENANCE = Provenance(
    "PDACScreening 0.1.0", {"Python": "3.12.10"}, "cpu", "float32", "ef" * 32, "2026-11-23T19:00:00+00:00"
)
FINDINGS = (
    Finding(1, 1100, 11000.0, 31.25, (5.5, -1.0, 131.0), (6.0, -1.0, 130.0), 41.5, 0.912, 10400.0),
    Finding(2, 134, 1340.0, 12.75, (-12.0, 3.0, 121.0), (-12.0, 3.0, 120.0), -3.5, 0.643, 1260.0),
)
SCALES = (
    ScaleEvidence(64, 2801, 1301, 0.951, 125, 31),
    ScaleEvidence(32, 2502, 1402, 0.852, 403, 0),
    ScaleEvidence(16, 2303, 33, 0.613, 3007, 0),
)
SUSPICIOUS = Screening(
    Outcome.SUSPICIOUS,
    "1234 tumor voxels were found.",
    score=0.921,
    tumor_voxels=1234,
    tumor_volume_mm3=12340.0,
    pancreas_voxels=2747,
    pancreas_volume_mm3=27470.0,
    native_tumor_volume_mm3=11660.0,
    native_pancreas_volume_mm3=27010.0,
    mean_tumor_probability=0.881,
    scales=SCALES,
    findings=FINDINGS,
    warnings=("Slices are 5 mm thick.", "The scan is short."),
    model=MODEL,
    input=INPUT,
    protocol=PROTOCOL,
    provenance=PROVENANCE,
    timings_s={"reading": 1.25, "coarse scan (64^3)": 31.5},
)
WITH_VESSELS = replace(
    SUSPICIOUS,
    anatomy=(
        StructureMeasures("veins", True, 4200.0, longest_contact_mm=18.0, largest_contact_degrees=120.0),
        StructureMeasures("arteries", True, 2100.0, longest_contact_mm=0.0, largest_contact_degrees=0.0),
        StructureMeasures("pancreatic duct", True, 310.0, largest_caliber_mm=4.2),
        StructureMeasures("common bile duct", False),
    ),
)
NOT_SUSPICIOUS = replace(
    SUSPICIOUS,
    outcome=Outcome.NOT_SUSPICIOUS,
    reason="No tumor voxel was found.",
    score=0.0,
    tumor_voxels=0,
    tumor_volume_mm3=0.0,
    native_tumor_volume_mm3=0.0,
    mean_tumor_probability=None,
    scales=tuple(replace(scale, tumor_voxels=0, mean_tumor_probability=None) for scale in SCALES),
    findings=(),
    warnings=(),
)
INDETERMINATE = Screening(
    Outcome.INDETERMINATE,
    "The coarse scan found no pancreas.",
    model=MODEL,
    input=INPUT,
    protocol=PROTOCOL,
    provenance=PROVENANCE,
    timings_s={"reading": 1.25},
)
REJECTED = Screening(Outcome.REJECTED, "ct.nii.gz is cut short; copy it again.", provenance=PROVENANCE)
FAILED = Screening(Outcome.FAILED, "The disk is full.", model=MODEL, input=INPUT, provenance=PROVENANCE)
CANCELLED = Screening(Outcome.CANCELLED, "Stopped by the user.")
ALL = (SUSPICIOUS, NOT_SUSPICIOUS, INDETERMINATE, REJECTED, FAILED, CANCELLED)


def sample_scan() -> tuple[CTVolume, LabelMap]:
    """A block of pancreas with a block of tumor in it, in soft tissue; the grid is that of INPUT."""
    geometry = Geometry(INPUT.shape_zyx, INPUT.spacing_mm_xyz, INPUT.origin_lps_mm)
    hu = np.full(geometry.shape, 60, np.int16)
    labels = np.zeros(geometry.shape, np.uint8)
    labels[6:18, 8:20, 8:28] = Label.PANCREAS
    labels[10:15, 9:16, 14:22] = Label.TUMOR
    hu[labels == Label.PANCREAS] = 110
    hu[labels == Label.TUMOR] = 40
    return CTVolume(hu, geometry), LabelMap(labels, geometry)
