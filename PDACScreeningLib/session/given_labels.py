"""The rule, the score and the findings for labels that came from elsewhere: c of Eq. 1 without our s."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.finding_regions import with_native_volumes
from PDACScreeningLib.inference.anatomy_measures import with_anatomy
from PDACScreeningLib.inference.judgment import judge
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.quantity_words import volume_and_voxels
from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.answer import Answer, bound
from PDACScreeningLib.session.record import ScreeningRecord, input_facts, new_record
from PDACScreeningLib.volume.anatomy import Anatomy
from PDACScreeningLib.volume.arrays import PROBABILITY_ZYX
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.part import VolumePart
from PDACScreeningLib.volume.working_grid import WorkingGrid, working_grid

GIVEN_LABELS = "given labels"  # in place of a protocol: no network of ours ran
NOT_OURS = "The labels were given; no network of this software looked at the scan."
NO_LABELS = "The given labels hold neither pancreas nor tumor. This is not a normal result."


def score_segmentation(
    ct: str | Path | CTVolume,
    labels: LabelMap,
    probability: PROBABILITY_ZYX | None = None,
    *,
    config: ScreeningConfig | None = None,
    anatomy: Anatomy | None = None,
) -> Answer:
    """Judge a label map of another tool or of a radiologist like one of our own (Eq. 1, y = c(s(X)), with s given).

    ct: the scan, as for Screener.screen. labels: on the scan's own grid. probability: (z, y, x) float32 tumor
    probability in [0, 1] on the same grid; without one there is no score, and the call rests on the count of voxels.
    config: component rule, K, score weights and working grid; None takes the paper's. anatomy: vessels and ducts on the
    same grid, which are kept and measured. Labels without pancreas and tumor give INDETERMINATE. Raises
    GeometryMismatch for another grid, ValueError for probabilities outside 0 to 1, InputRejected or InputIndeterminate
    for a scan that cannot be used.
    """
    config = config or ScreeningConfig()
    record = new_record()
    read = read_scan(ct)
    record.input, record.warnings = input_facts(read), read.warnings
    _require_same_grid(read.volume, labels, probability)
    return judged(read, record, labels, probability, config, anatomy)


def judged(
    read: ReadCT,
    record: ScreeningRecord,
    labels: LabelMap,
    probability: PROBABILITY_ZYX | None,
    config: ScreeningConfig,
    anatomy: Anatomy | None = None,
) -> Answer:
    """As `score_segmentation`, for what was read and lies on one grid. record: knows input and warnings so far."""
    grid = working_grid(read.volume.geometry, config.working_spacing_mm)
    drawn, protocol = grid.labels_to_working(labels), _protocol(grid, config)
    record.warnings = (NOT_OURS, counted_on(protocol), *record.warnings)
    if not drawn.any():
        ended = Screening(Outcome.INDETERMINATE, NO_LABELS, protocol=protocol)
        return bound(Answer(record.completed(ended), read.volume, labels, anatomy=anatomy))
    there = None if probability is None else grid.probability_to_working(probability)
    judgment = judge(drawn, there, grid.to_working(read.volume), protocol)
    screening = with_native_volumes(Screening(**vars(judgment), protocol=protocol), labels)
    screening = with_anatomy(screening, labels, anatomy)
    part = None if probability is None else VolumePart.of(probability, read.volume.geometry)
    return bound(Answer(record.completed(screening), read.volume, labels, part, anatomy=anatomy))


def counted_on(protocol: Protocol) -> str:
    """The grid of the count and the volume of K there: the same K is another volume on another grid."""
    spacing = " x ".join(f"{mm:.3g}" for mm in protocol.working_spacing_mm_xyz)
    volume = volume_and_voxels(protocol.min_tumor_volume_mm3, protocol.decision.min_tumor_voxels)
    return f"Voxels were counted on a grid of {spacing} mm, where K is {volume}; on another grid K is another volume."


def _require_same_grid(ct: CTVolume, labels: LabelMap, probability: PROBABILITY_ZYX | None) -> None:
    if not labels.geometry.is_close(ct.geometry):
        raise GeometryMismatch("the labels lie on another grid than the CT: export both on the CT's grid")
    if probability is None:
        return
    if probability.shape != ct.geometry.shape:
        raise GeometryMismatch(f"the probability is {probability.shape}, the CT is {ct.geometry.shape}")
    if probability.dtype != np.float32 or not bool((probability >= 0).all() and (probability <= 1).all()):
        raise ValueError("the probability must be float32 between 0 and 1")


def _protocol(grid: WorkingGrid, config: ScreeningConfig) -> Protocol:
    return Protocol(
        name=GIVEN_LABELS,
        working_spacing_mm=config.working_spacing_mm,
        working_spacing_mm_xyz=grid.working.spacing_mm,
        windows=(),
        roi_margin_voxels=config.roi_margin_voxels,
        components=config.components,
        decision=config.decision,
        score=config.score,
        assessment=config.assessment,
    )
