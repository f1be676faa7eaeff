"""Eq. 1 of the paper, y = c(s(X)): one CT in, one answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from PDACScreeningLib.config import ProtocolName, ScreeningConfig
from PDACScreeningLib.finding_regions import with_native_volumes
from PDACScreeningLib.inference.anatomy_measures import native_anatomy, with_anatomy
from PDACScreeningLib.inference.assessment import reaches_border
from PDACScreeningLib.inference.coarse_to_fine import ScaleSegmentation, Segmentation
from PDACScreeningLib.inference.engine import CoarseToFine, Engine, How
from PDACScreeningLib.inference.judgment import doubts_about, judge
from PDACScreeningLib.inference.plausibility import warnings_about
from PDACScreeningLib.inference.published_point import beside_published_point, published_point
from PDACScreeningLib.inference.sliding_window import WindowNetwork
from PDACScreeningLib.network_labels import MOST_NETWORKS, NetworkLabels
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import OnProgress, StageTimer, ignore_progress
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.screening_result import ScaleEvidence, Screening
from PDACScreeningLib.volume.anatomy import Anatomy
from PDACScreeningLib.volume.arrays import PROBABILITY_ZYX
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart
from PDACScreeningLib.volume.working_grid import WorkingGrid, working_grid

NO_BODY = "The scan holds no body: no voxel is above {:.0f} HU. Check that it is a CT in Hounsfield units."
DECIDED_IN_FULL = (
    "The answer of the fast number format lay near the rule, so the networks answered again in full precision (fp32)."
)

ONE_PROTOCOL = (
    "The fast protocol was asked for, which imported nnU-Nets do not have: every window was run. Fewer folds and no "
    "mirrored views save time (--folds, --no-mirroring)."
)


@dataclass(frozen=True, eq=False)
class ScreenedVolume:
    """A screening and the voxels it rests on. What an INDETERMINATE scan does not have is None.

    screening: without model, input and provenance, which only the caller knows.
    label_map, probability (of tumor): on the CT's own grid; the probability is 0 outside the ROI.
    grid, segmentation: the working grid and the evidence of each scale on it, for evaluation.
    decided_in_full: whether the networks answered again in full precision.
    network_labels: what each network alone segmented, on the CT's own grid. anatomy: vessels and ducts, likewise.
    """

    screening: Screening
    grid: WorkingGrid
    label_map: LabelMap | None = None
    probability: VolumePart[np.float32] | None = None
    segmentation: Segmentation | None = None
    decided_in_full: bool = False
    network_labels: NetworkLabels | None = None
    anatomy: Anatomy | None = None

    @property
    def tumor_probability(self) -> PROBABILITY_ZYX | None:
        """(z, y, x) float32 of the whole CT, a new array."""
        return None if self.probability is None else self.probability.whole()


def screen(
    ct: CTVolume,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress = ignore_progress,
    *,
    in_full_precision: Callable[[], Mapping[int, WindowNetwork]] | None = None,
    **how: Unpack[How],
) -> ScreenedVolume:
    """Screen one CT: resample, segment coarse to fine, classify, and bring the answer back to the CT's grid (Eq. 1).

    networks: by patch size, one for each of `config.scales`. The others: see `CoarseToFine` and `screen_with`.
    """
    engine = CoarseToFine(networks, config, in_full_precision)
    return screen_with(ct, engine, on_progress, **how)


def screen_with(
    ct: CTVolume, engine: Engine, on_progress: OnProgress = ignore_progress, **how: Unpack[How]
) -> ScreenedVolume:
    """Screen one CT with whatever engine is s of Eq. 1; all that follows is the same for each.

    how: see `segment`; the answer names the protocol that it rests on. Near the rule the answer is that of full
    precision (ADR 0026), so that no call depends on the processor.
    The outcome is SUSPICIOUS, NOT_SUSPICIOUS, or INDETERMINATE where there is no pancreas to judge or where a
    NOT_SUSPICIOUS is not to be believed; never anything else. Raises ValueError when a network is missing, ModelError
    when one answers nonsense; passes on what `on_progress` raises (`Cancelled`).
    """
    timer = StageTimer(on_progress)
    grid = working_grid(ct.geometry, engine.config.working_spacing_mm)
    config = engine.config_on(grid.working)
    with timer.stage("working grid"):
        working = grid.to_working(ct)

    segmentation = engine.segment(working, timer, **how)
    decided_again = segmentation is not None and segmentation.in_full_precision
    used = _protocol("exact" if segmentation is None else segmentation.protocol, grid.working, config, engine)
    one_protocol = (ONE_PROTOCOL,) if used.ensemble is not None and how.get("protocol") == "fast" else ()
    if segmentation is None:
        reason, timings_s = _why_nothing(working, config, engine), timer.timings_s
        nothing = Screening(Outcome.INDETERMINATE, reason, warnings=one_protocol, protocol=used, timings_s=timings_s)
        return ScreenedVolume(nothing, grid)

    with timer.stage("findings"):
        screening = _judged(segmentation, working, used, config, ct.geometry.spacing_mm)
    with timer.stage("scan's own grid"):
        label_map = grid.labels_to_native(segmentation.labels)
        probability = grid.probability_to_native(
            VolumePart(segmentation.tumor_probability, segmentation.roi, grid.working)
        )
        alone = _each_network(segmentation, grid)
        anatomy = None if segmentation.anatomy is None else native_anatomy(segmentation.anatomy, grid)
    warnings = (*screening.warnings, *((DECIDED_IN_FULL,) if decided_again else ()), *one_protocol)
    screening = replace(screening, warnings=warnings, timings_s=timer.timings_s)
    screening = with_anatomy(with_native_volumes(screening, label_map), label_map, anatomy)
    return ScreenedVolume(screening, grid, label_map, probability, segmentation, decided_again, alone, anatomy)


def doubt_about(
    segmentation: Segmentation | None, working: CTVolume, engine: Engine, native_spacing_mm: XYZ | None
) -> str:
    """Why `screen_with` would not assess a scan that the rule does not call; empty where it would be believed.

    segmentation: of the engine, on the grid of `working`. native_spacing_mm: of the scan's own; None: not known.
    """
    config = engine.config_on(working.geometry)
    if segmentation is None:
        return _why_nothing(working, config, engine)
    used = _protocol(segmentation.protocol, working.geometry, config, engine)
    against = doubts_about(
        segmentation.unfiltered_labels,
        segmentation.labels[segmentation.roi.slices],
        working.cropped(segmentation.roi),
        used,
        at_border=reaches_border(segmentation.labels, working.hu),
        native_spacing_mm=native_spacing_mm,
    )
    point = published_point(segmentation.candidate_score, used)
    return next(iter(against), point.says if point is not None and point.calls else "")


def _why_nothing(working: CTVolume, config: ScreeningConfig, engine: Engine) -> str:
    if working.hu.max() <= config.body_threshold_hu:
        return NO_BODY.format(config.body_threshold_hu)
    return engine.no_pancreas


def _judged(
    segmentation: Segmentation, working: CTVolume, used: Protocol, config: ScreeningConfig, native_spacing_mm: XYZ
) -> Screening:
    """What the segmentation says: c of Eq. 1, with the evidence of each network and every doubt."""
    judgment = judge(
        segmentation.unfiltered_labels,
        segmentation.tumor_probability,
        working.cropped(segmentation.roi),
        used,
        at_border=reaches_border(segmentation.labels, working.hu),
        native_spacing_mm=native_spacing_mm,
    )
    screening = Screening(
        **vars(judgment),
        protocol=used,
        scales=tuple(_evidence(scale) for scale in segmentation.scales),
        candidate_score=segmentation.candidate_score,
    )
    warnings = (*judgment.warnings, *warnings_about(segmentation, working.geometry, config))
    return beside_published_point(replace(screening, warnings=warnings))


def _evidence(scale: ScaleSegmentation) -> ScaleEvidence:
    return ScaleEvidence(
        patch_size=scale.patch_size,
        pancreas_voxels=int(np.count_nonzero(scale.labels == Label.PANCREAS)),
        tumor_voxels=int(np.count_nonzero(scale.labels == Label.TUMOR)),
        mean_tumor_probability=scale.mean_tumor_probability,
        windows=scale.windows,
        windows_skipped=scale.windows_skipped,
        name=scale.name,
    )


def _each_network(segmentation: Segmentation, grid: WorkingGrid) -> NetworkLabels | None:
    """Of all networks; None for more than a reader could look at one by one."""
    names = [_evidence(scale).title for scale in segmentation.scales]
    if not 0 < len(names) <= MOST_NETWORKS:
        return None
    parts = (VolumePart(scale.labels, segmentation.roi, grid.working) for scale in segmentation.scales)
    return NetworkLabels.of(names, [grid.labels_part_to_native(part) for part in parts])


def _protocol(name: ProtocolName, working: Geometry, config: ScreeningConfig, engine: Engine) -> Protocol:
    return Protocol(
        name=name,
        working_spacing_mm=config.working_spacing_mm,
        working_spacing_mm_xyz=working.spacing_mm,
        windows=engine.windows(name),
        roi_margin_voxels=config.roi_margin_voxels,
        components=config.components,
        decision=config.decision,
        score=config.score,
        assessment=config.assessment,
        combination=config.combination,
        min_tumor_probability=config.min_tumor_probability,
        ensemble=engine.ensemble(working),
        training_range=engine.training_range,
    )
