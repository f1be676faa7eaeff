"""What a reader should know before believing a segmentation: warnings in plain sentences, carried into every output."""

from __future__ import annotations

import numpy as np

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.inference.assessment import reaches_border
from PDACScreeningLib.inference.coarse_to_fine import Segmentation
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

# Of 300 expert-checked and automatic label maps of PANORAMA, the pancreas outside the tumor takes 30 to 97 mL (5th and
# 95th percentile) beside a PDAC and 42 to 124 mL otherwise. 1.6 times the most leaves room for large people; beyond it
# the segmentation, not the patient, is unusual. Half the least is config.AssessmentRule.
LARGEST_PANCREAS_ML = 200.0

# The scan's own end cuts the 32-voxel margin in a quarter to a third of complete scans, which says nothing. A gland
# that ends within a centimeter of the last slice, two or three usual slices, may go on behind it.
NEAR_THE_END_MM = 10.0


def warnings_about(segmentation: Segmentation, geometry: Geometry, config: ScreeningConfig) -> tuple[str, ...]:
    """Every doubt about a segmentation on the working grid `geometry`; () when there is none."""
    warnings = [
        _near_the_end(segmentation, geometry),
        _too_much_pancreas(segmentation, geometry),
        _close_call(segmentation, config),
    ]
    return tuple(warning for warning in warnings if warning is not None)


def _near_the_end(segmentation: Segmentation, geometry: Geometry) -> str | None:
    """A pancreas so close to the first or last slice that it may go on behind it; one that touches it is a doubt."""
    room = min(segmentation.coarse_box.start[0], geometry.shape[0] - segmentation.coarse_box.stop[0])
    room_mm = room * geometry.spacing_mm[2]
    if reaches_border(segmentation.labels) or room_mm >= NEAR_THE_END_MM:
        return None
    return (
        f"The scan ends {room_mm:.0f} mm above or below the pancreas region: check that the whole pancreas was imaged."
    )


def _too_much_pancreas(segmentation: Segmentation, geometry: Geometry) -> str | None:
    """Far more pancreas than people have means that other organs were taken for it."""
    voxels = int(np.count_nonzero(segmentation.labels == Label.PANCREAS))
    volume_ml = voxels * geometry.voxel_volume_mm3 / 1000
    if volume_ml <= LARGEST_PANCREAS_ML:
        return None
    return (
        f"{volume_ml:.0f} mL were segmented as pancreas (more than {LARGEST_PANCREAS_ML:.0f} mL): other organs were "
        "probably taken for it."
    )


def _close_call(segmentation: Segmentation, config: ScreeningConfig) -> str | None:
    """A time that was not the one expected, and its reason."""
    voxels = segmentation.close_call_voxels
    if voxels is None:
        return None
    rule = config.decision.min_tumor_voxels
    near = f"{voxels} tumor voxels, too near the {rule} of the rule"
    found = near if voxels else "no pancreas, or no tumor where its networks hold some"
    return f"The fast protocol found {found}: every window was run after it, and this is what the exact protocol says."
