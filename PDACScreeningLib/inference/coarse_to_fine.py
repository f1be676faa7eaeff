"""Coarse-to-fine segmentation with post-processing: s in Eq. 1 of the paper (section 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import ScaleSpec, ScreeningConfig
from PDACScreeningLib.inference.postprocessing import keep_large_components
from PDACScreeningLib.inference.sliding_window import WindowNetwork, WindowScan, scan
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label


@dataclass(frozen=True, eq=False)
class ScaleSegmentation:
    """What one network alone would segment inside the ROI (a row of Table 1).

    labels: (z, y, x) uint8 of the ROI, after the component filter. mean_tumor_probability: this network's, over its own
    tumor voxels; None when it has none.
    """

    patch_size: int
    labels: NDArray[np.uint8]
    mean_tumor_probability: float | None
    windows: int
    windows_skipped: int


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The answer of all networks together, on the working grid.

    coarse_box: smallest box of all pancreas and tumor voxels of the coarse scan. roi: that box and its margin.
    labels: (z, y, x) uint8 of the whole volume, after the component filter; background outside the ROI.
    tumor_probability: (z, y, x) float32 of the ROI, mean over the networks, before any filter.
    scales: one entry per network, coarse first.
    """

    coarse_box: Box
    roi: Box
    labels: NDArray[np.uint8]
    tumor_probability: NDArray[np.float32]
    scales: tuple[ScaleSegmentation, ...]


def segment(
    ct: CTVolume,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress = ignore_progress,
) -> Segmentation | None:
    """Pancreas and tumor of a volume on the working grid; None when the coarse scan finds neither (section 2.3).

    "We first slide a 64^3 window in the entire CT volume. Based on the coarse segmentation, we compute the ROI, i.e.,
    the smallest box covering all pancreas and tumor voxels padded by 32. Then, we scan the ROI with sliding windows of
    32^3 and 16^3 voxels. The predictions of three networks are averaged into final segmentation."

    ct: on the working grid. networks: by patch size, one for each of `config.scales`, of which the first is coarse.
    Raises ModelError when a network's answer cannot be used; passes on what `on_progress` raises.
    """
    coarse_scale, *fine_scales = config.scales
    coarse = _scan(ct.hu, coarse_scale, networks, config, on_progress)
    coarse_box = bounding_box(most_likely_labels(coarse.foreground) != Label.BACKGROUND)
    if coarse_box is None:
        return None
    roi = coarse_box.padded(config.roi_margin_voxels, ct.geometry.shape)

    coarse = coarse.cropped(roi)
    scales = [_alone(coarse, coarse_scale, config)]
    total = coarse.foreground  # the networks' sum; grows in place, for the ROI may be as large as the volume
    for scale in fine_scales:
        scales.append(_add_scan(total, ct.hu[roi.slices], scale, networks, config, on_progress))
    mean = np.divide(total, len(config.scales), out=total)

    labels = np.zeros(ct.hu.shape, np.uint8)
    labels[roi.slices] = _filtered(most_likely_labels(mean), config)
    return Segmentation(coarse_box, roi, labels, mean[1].copy(), tuple(scales))


def most_likely_labels(foreground: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(z, y, x) label of the highest probability; the lowest label wins a tie.

    foreground: (2, z, y, x) probability of pancreas and of tumor; background is 1 minus both.
    """
    labels = np.empty(foreground.shape[1:], np.uint8)
    for z, (pancreas, tumor) in enumerate(foreground.swapaxes(0, 1)):  # slice by slice, to save memory
        background = 1 - (pancreas + tumor)
        labels[z] = np.where(pancreas > background, np.uint8(Label.PANCREAS), np.uint8(Label.BACKGROUND))
        labels[z][tumor > np.maximum(background, pancreas)] = Label.TUMOR
    return labels


def mean_tumor_probability(labels: NDArray[np.uint8], tumor_probability: NDArray[np.float32]) -> float | None:
    """Mean of a (z, y, x) tumor probability over the tumor voxels of a label map; None when there are none."""
    tumor = tumor_probability[labels == Label.TUMOR]
    return float(tumor.mean(dtype=np.float64)) if tumor.size else None


def _scan(
    hu: NDArray[np.int16],
    scale: ScaleSpec,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress,
) -> WindowScan:
    stage = f"{'coarse' if scale == config.scales[0] else 'fine'} scan ({scale.patch_size}^3)"
    return scan(hu, networks[scale.patch_size], scale, config, stage=stage, on_progress=on_progress)


def _add_scan(
    total: NDArray[np.float32],
    hu: NDArray[np.int16],
    scale: ScaleSpec,
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    on_progress: OnProgress,
) -> ScaleSegmentation:
    """Scan the ROI, add its probabilities to the sum of all networks, and let its memory go."""
    fine = _scan(hu, scale, networks, config, on_progress)
    total += fine.foreground
    return _alone(fine, scale, config)


def _filtered(labels: NDArray[np.uint8], config: ScreeningConfig) -> NDArray[np.uint8]:
    return keep_large_components(labels, min_fraction=config.components.min_fraction)


def _alone(scanned: WindowScan, scale: ScaleSpec, config: ScreeningConfig) -> ScaleSegmentation:
    """What this network would say without the others."""
    labels = _filtered(most_likely_labels(scanned.foreground), config)
    mean = mean_tumor_probability(labels, scanned.foreground[1])
    return ScaleSegmentation(scale.patch_size, labels, mean, scanned.windows, scanned.windows_skipped)
