"""Eq. 1 of the paper, y = c(s(X)): one CT in, one answer out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import ProtocolName, ScreeningConfig
from PDACScreeningLib.finding_regions import with_native_volumes
from PDACScreeningLib.inference.coarse_to_fine import (
    ScaleSegmentation,
    Segmentation,
    segment,
)
from PDACScreeningLib.inference.judgment import judge
from PDACScreeningLib.inference.plausibility import warnings_about
from PDACScreeningLib.inference.sliding_window import WindowNetwork
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import OnProgress, StageTimer, ignore_progress
from PDACScreeningLib.screening_result import Protocol, ScaleEvidence, Screening
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.working_grid import WorkingGrid, working_grid

NO_BODY = "The scan holds no body: no voxel is above {:.0f} HU. Check that it is a CT in Hounsfield units."
NO_PANCREAS = (
    "The coarse scan found no pancreas; check that the scan shows the upper abdomen in the portal venous phase and "
    "that the model suits it. This is not a normal result."
)
NO_AGREEMENT = (
    "The coarse scan found a pancreas, but the networks together did not confirm it. This is not a normal result."
)


@dataclass(frozen=True, eq=False)
class ScreenedVolume:
    """A screening and the voxels it rests on. What an INDETERMINATE scan does not have is None.

    screening: without model, input and provenance, which only the caller knows.
    label_map, tumor_probability: on the CT's own grid; the probability is (z, y, x) float32, 0 outside the ROI.
    grid, segmentation: the working grid and the evidence of each scale on it, for evaluation.
    """

    screening: Screening
    grid: WorkingGrid
    label_map: LabelMap | None = None
    tumor_probability: NDArray[np.float32] | None = None
    segmentation: Segmentation | None = None


def screen(
    ct: CTVolume,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress = ignore_progress,
    *,
    protocol: ProtocolName = "exact",
) -> ScreenedVolume:
    """Screen one CT: resample, segment coarse to fine, classify, and bring the answer back to the CT's grid (Eq. 1).

    networks: by patch size, one for each of `config.scales`. protocol: see `segment`; the answer names the one that it
    rests on. The outcome is SUSPICIOUS, NOT_SUSPICIOUS, or INDETERMINATE where there is no pancreas to judge; never
    anything else. Raises ValueError when a network is missing, ModelError when one answers nonsense; passes on what
    `on_progress` raises (`Cancelled`).
    """
    _require_networks(networks, config)
    timer = StageTimer(on_progress)
    grid = working_grid(ct.geometry, config.working_spacing_mm)
    with timer.stage("working grid"):
        working = grid.to_working(ct)

    segmentation = segment(working, networks, config, timer, protocol=protocol)
    used = _protocol("exact" if segmentation is None else segmentation.protocol, grid.working, config)
    if segmentation is None or not segmentation.labels.any():
        reason = _why_nothing(working, segmentation, config)
        return ScreenedVolume(Screening(Outcome.INDETERMINATE, reason, protocol=used, timings_s=timer.timings_s), grid)

    with timer.stage("findings"):
        screening = _judged(segmentation, working, used, config)
    with timer.stage("scan's own grid"):
        label_map = grid.labels_to_native(segmentation.labels)
        tumor_probability = grid.probability_to_native(_over_volume(segmentation))
    screening = with_native_volumes(replace(screening, timings_s=timer.timings_s), label_map)
    return ScreenedVolume(screening, grid, label_map, tumor_probability, segmentation)


def _require_networks(networks: Mapping[int, WindowNetwork], config: ScreeningConfig) -> None:
    missing = [f"{scale.patch_size}^3" for scale in config.scales if scale.patch_size not in networks]
    if missing:
        raise ValueError(f"the configuration names networks that are not there: {', '.join(missing)}")


def _why_nothing(working: CTVolume, segmentation: Segmentation | None, config: ScreeningConfig) -> str:
    if working.hu.max() <= config.body_threshold_hu:
        return NO_BODY.format(config.body_threshold_hu)
    return NO_PANCREAS if segmentation is None else NO_AGREEMENT


def _judged(segmentation: Segmentation, working: CTVolume, used: Protocol, config: ScreeningConfig) -> Screening:
    """What the segmentation says: c of Eq. 1, with the evidence of each network and every doubt."""
    roi = segmentation.roi
    labels, probability = segmentation.labels[roi.slices], segmentation.tumor_probability
    judgment = judge(labels, probability, working.cropped(roi), config.decision, config.score)
    return Screening(
        **vars(judgment),
        protocol=used,
        scales=tuple(_evidence(scale) for scale in segmentation.scales),
        warnings=warnings_about(segmentation, working.geometry, config),
    )


def _evidence(scale: ScaleSegmentation) -> ScaleEvidence:
    return ScaleEvidence(
        patch_size=scale.patch_size,
        pancreas_voxels=int(np.count_nonzero(scale.labels == Label.PANCREAS)),
        tumor_voxels=int(np.count_nonzero(scale.labels == Label.TUMOR)),
        mean_tumor_probability=scale.mean_tumor_probability,
        windows=scale.windows,
        windows_skipped=scale.windows_skipped,
    )


def _over_volume(segmentation: Segmentation) -> NDArray[np.float32]:
    """(z, y, x) tumor probability of the whole working grid; 0 outside the ROI, where the fine networks never look."""
    probability = np.zeros(segmentation.labels.shape, np.float32)
    probability[segmentation.roi.slices] = segmentation.tumor_probability
    return probability


def _protocol(name: ProtocolName, working: Geometry, config: ScreeningConfig) -> Protocol:
    return Protocol(
        name=name,
        working_spacing_mm=config.working_spacing_mm,
        working_spacing_mm_xyz=working.spacing_mm,
        windows=tuple(config.windows(scale, name) for scale in config.scales),
        roi_margin_voxels=config.roi_margin_voxels,
        components=config.components,
        decision=config.decision,
        score=config.score,
    )
