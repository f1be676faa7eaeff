"""Coarse-to-fine segmentation with post-processing: s in Eq. 1 of the paper (section 2.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import DecisionRule, ProtocolName, ScaleSpec, ScreeningConfig, WindowSpec
from PDACScreeningLib.inference.combination import combined, summand
from PDACScreeningLib.inference.postprocessing import filter_components
from PDACScreeningLib.inference.sliding_window import WindowNetwork, WindowScan, scan, scan_slabs
from PDACScreeningLib.inference.window_plan import plan_windows
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.volume.anatomy import AnatomyPart
from PDACScreeningLib.volume.arrays import HU_ZYX, LABELS_ZYX, PROBABILITY_ZYX
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label


@dataclass(frozen=True, eq=False)
class ScaleSegmentation:
    """What one network alone would segment inside the ROI (a row of Table 1).

    labels: (z, y, x) uint8 of the ROI, after the component filter. mean_tumor_probability: this network's, over its own
    tumor voxels; None when it has none. evidence: `tumor_evidence` of its probabilities in the gland it segments.
    """

    patch_size: int
    labels: LABELS_ZYX
    mean_tumor_probability: float | None
    windows: int
    windows_skipped: int
    evidence: float = 0.0
    name: str = ""  # of a training of an ensemble; "" for a network of the paper


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The answer of all networks together, on the working grid.

    coarse_box: smallest box of all pancreas and tumor voxels of the coarse scan. roi: that box and its margin.
    labels: (z, y, x) uint8 of the whole volume, after the component filter; background outside the ROI.
    tumor_probability: (z, y, x) float32 of the ROI, of all networks together, before any filter.
    scales: one entry per network, coarse first. unfiltered_labels: (z, y, x) uint8 of the ROI, before the filter.
    protocol: whose windows these are. close_call_voxels: tumor voxels of a "fast" answer before it, which was a close
    call; None when there was none. in_full_precision: whether the networks answered again without rounding.
    """

    coarse_box: Box
    roi: Box
    labels: LABELS_ZYX
    tumor_probability: PROBABILITY_ZYX
    scales: tuple[ScaleSegmentation, ...]
    unfiltered_labels: LABELS_ZYX
    protocol: ProtocolName
    close_call_voxels: int | None = None
    in_full_precision: bool = False
    candidate_score: float | None = None  # of an imported nnU-Net; see `lesion_candidates`
    anatomy: AnatomyPart | None = None  # vessels and ducts inside the ROI, of an engine that sees them


def segment(
    ct: CTVolume,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress = ignore_progress,
    *,
    region: Box | None = None,
    protocol: ProtocolName = "exact",
    in_full_precision: Callable[[], Mapping[int, WindowNetwork]] | None = None,
) -> Segmentation | None:
    """Pancreas and tumor of a volume on the working grid; None when the coarse scan finds neither (section 2.3).

    "We first slide a 64^3 window in the entire CT volume. Based on the coarse segmentation, we compute the ROI, i.e.,
    the smallest box covering all pancreas and tumor voxels padded by 32. Then, we scan the ROI with sliding windows of
    32^3 and 16^3 voxels. The predictions of three networks are averaged into final segmentation."

    ct: on the working grid. networks: by patch size, one for each of `config.scales`, of which the first is coarse.
    region: scanned by the fine networks instead of the ROI, to measure what the ROI is good for; the paper: None.
    protocol: "exact" is every window of the paper; "fast" covers the same voxels with fewer, and goes on to "exact"
    when its answer is a close call (ADR 0017), so that None is always the word of "exact".
    in_full_precision: the same networks in fp32, which answer again when the count lies near the rule (ADR 0026); None
    where `networks` are those already.
    Raises ModelError when a network's answer cannot be used; passes on what `on_progress` raises.
    """
    found = _decided_by_windows(ct, networks, config, on_progress, region, protocol)
    if in_full_precision is None or not is_near_the_rule(found, config):
        return found
    del found  # memory for the second
    hook = named_apart(on_progress, "full precision")
    again = _decided_by_windows(ct, in_full_precision(), config, hook, region, protocol)
    return None if again is None else replace(again, in_full_precision=True)


def _decided_by_windows(
    ct: CTVolume,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress,
    region: Box | None,
    protocol: ProtocolName,
) -> Segmentation | None:
    """A protocol's answer, or that of every window where few windows cannot decide."""
    first = _segment_once(ct, networks, config, on_progress, region, protocol)
    if protocol == "exact" or not is_close_call(first, config):
        return first
    voxels = 0 if first is None else int(np.count_nonzero(first.labels == Label.TUMOR))
    del first  # memory for the second

    second = _segment_once(ct, networks, config, named_apart(on_progress, "every window"), region, "exact")
    return None if second is None else replace(second, close_call_voxels=voxels)


def is_close_call(segmentation: Segmentation | None, config: ScreeningConfig) -> bool:
    """Whether few windows cannot decide (ADR 0017).

    That is so when no pancreas was found; when there is some tumor, but not many times the K of the rule; and when
    there is none, but a tumor voxel fell to the component filter or a network alone has K or more.
    """
    if segmentation is None or not segmentation.labels.any():
        return True
    needed = config.decision.min_tumor_voxels
    tumor_voxels = int(np.count_nonzero(segmentation.labels == Label.TUMOR))
    if tumor_voxels > 0:
        return tumor_voxels < config.close_call_factor * needed
    alone = (int(np.count_nonzero(scale.labels == Label.TUMOR)) for scale in segmentation.scales)
    return bool((segmentation.unfiltered_labels == Label.TUMOR).any() or max(alone) >= needed)


def is_near_the_rule(segmentation: Segmentation | None, config: ScreeningConfig) -> bool:
    """Whether rounding in the networks could move the count of tumor voxels over K or below it (ADR 0026)."""
    if segmentation is None or config.decision.min_score is not None:
        return True  # no pancreas is a grave answer, and how far a score is from its threshold is not known here
    needed, factor = config.decision.min_tumor_voxels, config.precision_margin_factor
    return bool(needed / factor <= np.count_nonzero(segmentation.labels == Label.TUMOR) <= needed * factor)


def named_apart(on_progress: OnProgress, why: str) -> OnProgress:
    """A hook that reports the stages of a second run under names of their own."""

    def report(progress: Progress) -> None:
        on_progress(replace(progress, stage=f"{progress.stage}, {why}"))

    return report


def windows_of(scale: ScaleSpec, config: ScreeningConfig, protocol: ProtocolName) -> WindowSpec:
    """The windows of a scale: all of the paper's ("exact"), or the fewer ones of ADR 0017 ("fast")."""
    if protocol == "exact":
        return WindowSpec.of_paper(scale)
    if scale != config.scales[0]:
        return WindowSpec(scale.patch_size, scale.patch_size // 2)
    margin = 4 * -(-scale.patch_size // 16)  # a quarter of the patch; two of them are a multiple of 8
    return WindowSpec(2 * scale.patch_size, 2 * scale.patch_size - 2 * margin, margin)


def most_likely_labels(foreground: NDArray[np.float32], *, min_tumor_probability: float = 0.0) -> LABELS_ZYX:
    """(z, y, x) label of the highest probability; the lowest label wins a tie.

    foreground: (2, z, y, x) probability of pancreas and of tumor; background is 1 minus both. Where the tumor's is the
    highest but not above `min_tumor_probability`, the likelier of the other two; 0 is the paper's argmax.
    """
    labels = np.empty(foreground.shape[1:], np.uint8)
    for z, (pancreas, tumor) in enumerate(foreground.swapaxes(0, 1)):  # slice by slice, to save memory
        background = 1 - (pancreas + tumor)
        labels[z] = np.where(pancreas > background, np.uint8(Label.PANCREAS), np.uint8(Label.BACKGROUND))
        labels[z][tumor > np.maximum(np.maximum(background, pancreas), min_tumor_probability)] = Label.TUMOR
    return labels


def mean_tumor_probability(labels: LABELS_ZYX, tumor_probability: PROBABILITY_ZYX) -> float | None:
    """Mean tumor probability over the tumor voxels of labels of the same shape; None when there are none."""
    tumor = tumor_probability[labels == Label.TUMOR]
    return float(tumor.mean(dtype=np.float64)) if tumor.size else None


def tumor_evidence(tumor_probability: NDArray[np.float32], rule: DecisionRule) -> float:
    """The K-th largest tumor probability of a gland: how sure the networks are of the K voxels that the rule asks for.

    tumor_probability: (n,) of all voxels segmented as pancreas or tumor. 0 when these are fewer than K.
    """
    k = rule.min_tumor_voxels
    return float(np.partition(tumor_probability, -k)[-k]) if tumor_probability.size >= k else 0.0


def _segment_once(
    ct: CTVolume,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress,
    region: Box | None,
    protocol: ProtocolName,
) -> Segmentation | None:
    """`segment` with the windows of one protocol, whatever it says."""
    coarse_scale, *fine_scales = config.scales
    coarse = _coarse_scan(ct.hu, networks, config, protocol, on_progress)
    coarse_box = bounding_box(most_likely_labels(coarse.foreground) != Label.BACKGROUND)
    if coarse_box is None:
        return None
    roi = coarse_box.padded(config.roi_margin_voxels, ct.geometry.shape) if region is None else region

    coarse = coarse.cropped(roi)
    scales = [_coarse_alone(coarse, config)]
    # The networks' sum; grows in place, for the ROI may be as large as the volume.
    total = summand(coarse.foreground, config.combination)
    for scale in fine_scales:
        scales.append(_add_fine_scan(total, ct.hu[roi.slices], scale, networks, config, protocol, on_progress))
    mean = combined(np.divide(total, len(config.scales), out=total), config.combination)
    in_roi = most_likely_labels(mean, min_tumor_probability=config.min_tumor_probability)
    tumor_probability = mean[1].copy()
    del coarse, total, mean  # memory for the component filter

    labels = np.zeros(ct.hu.shape, np.uint8)
    labels[roi.slices] = filter_components(in_roi, config.components)
    return Segmentation(coarse_box, roi, labels, tumor_probability, tuple(scales), in_roi, protocol)


def _coarse_scan(
    hu: HU_ZYX,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    protocol: ProtocolName,
    on_progress: OnProgress,
) -> WindowScan:
    """Slide the window of the largest network over the whole volume."""
    scale = config.scales[0]
    stage = f"coarse scan ({scale.patch_size}^3)"
    network = networks[scale.patch_size]
    windows = windows_of(scale, config, protocol)
    return scan(hu, network, scale, config, stage=stage, on_progress=on_progress, windows=windows)


def _coarse_alone(coarse: WindowScan, config: ScreeningConfig) -> ScaleSegmentation:
    """What the coarse network would say without the others. coarse: of the ROI."""
    labels = most_likely_labels(coarse.foreground)
    tumor_probability = coarse.foreground[1][labels != Label.BACKGROUND]
    return _alone(config.scales[0], labels, tumor_probability, coarse.windows, coarse.windows_skipped, config)


def _add_fine_scan(
    total: NDArray[np.float32],
    hu: HU_ZYX,
    scale: ScaleSpec,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    protocol: ProtocolName,
    on_progress: OnProgress,
) -> ScaleSegmentation:
    """Scan the ROI and add its probabilities to the sum of all networks, slab by slab, so that they are never held."""
    plan = plan_windows(hu, scale, windows_of(scale, config, protocol), config)
    network, stage = networks[scale.patch_size], f"fine scan ({scale.patch_size}^3)"
    labels, tumor_probabilities = np.empty(hu.shape, np.uint8), []
    for slab in scan_slabs(plan, network, scale, config, stage=stage, on_progress=on_progress):
        labels[slab.z] = most_likely_labels(slab.foreground)
        tumor_probabilities.append(slab.foreground[1][labels[slab.z] != Label.BACKGROUND])
        total[:, slab.z] += summand(slab.foreground, config.combination)
    return _alone(scale, labels, np.concatenate(tumor_probabilities), len(plan.corners), plan.skipped, config)


def _alone(
    scale: ScaleSpec,
    labels: LABELS_ZYX,
    tumor_probability: NDArray[np.float32],
    windows: int,
    windows_skipped: int,
    config: ScreeningConfig,
) -> ScaleSegmentation:
    """A network's own segmentation after the component filter.

    labels: (z, y, x) before it. tumor_probability: (n,) of the foreground voxels of `labels`, in raster order.
    """
    filtered = filter_components(labels, config.components)
    kept = filtered[labels != Label.BACKGROUND]
    mean = mean_tumor_probability(kept, tumor_probability)
    evidence = tumor_evidence(tumor_probability[kept != Label.BACKGROUND], config.decision)
    return ScaleSegmentation(scale.patch_size, filtered, mean, windows, windows_skipped, evidence)
