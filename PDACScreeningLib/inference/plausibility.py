"""What a reader should know before believing a segmentation: warnings in plain sentences, carried into every output."""

from __future__ import annotations

import numpy as np

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.inference.coarse_to_fine import Segmentation
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

# Of 300 expert-checked and automatic label maps of PANORAMA, the pancreas outside the tumor takes 30 to 97 mL (5th and
# 95th percentile) beside a PDAC and 42 to 124 mL otherwise. Half the least and 1.6 times the most leave room for
# atrophy and for large people; beyond them the segmentation, not the patient, is unusual.
PLAUSIBLE_PANCREAS_ML = (15.0, 200.0)

# The scan's own end cuts the 32-voxel margin in a quarter to a third of complete scans, which says nothing. A gland
# that ends within a centimeter of the last slice, two or three usual slices, may go on behind it.
NEAR_THE_END_MM = 10.0

# The smallest PDAC of those label maps (0.4 mL). Where K voxels are more than this, real tumors fall below the rule.
SMALLEST_TUMOR_MM3 = 400.0


def warnings_about(segmentation: Segmentation, geometry: Geometry, config: ScreeningConfig) -> tuple[str, ...]:
    """Every doubt about a segmentation on the working grid `geometry`; () when there is none."""
    warnings = [
        _truncation(segmentation, geometry),
        _pancreas_volume(segmentation, geometry),
        _coarse_decision(geometry, config),
        _close_call(segmentation, config),
    ]
    return tuple(warning for warning in warnings if warning is not None)


def _truncation(segmentation: Segmentation, geometry: Geometry) -> str | None:
    """A pancreas cut by the scan's border, or one so close to its first or last slice that it may have been."""
    box = bounding_box(segmentation.labels != Label.BACKGROUND)
    if box is not None and _room(box, geometry) == 0:
        return (
            "The segmented pancreas or tumor reaches the border of the scan: part of the pancreas may not have been "
            "imaged, and a tumor there cannot be found."
        )
    room = min(segmentation.coarse_box.start[0], geometry.shape[0] - segmentation.coarse_box.stop[0])
    room_mm = room * geometry.spacing_mm[2]
    if room_mm < NEAR_THE_END_MM:
        return (
            f"The scan ends {room_mm:.0f} mm above or below the pancreas region: check that the whole pancreas was "
            "imaged."
        )
    return None


def _room(box: Box, geometry: Geometry) -> int:
    """Voxels between a box and the nearest face of the volume."""
    after = (length - stop for length, stop in zip(geometry.shape, box.stop, strict=True))
    return min(*box.start, *after)


def _pancreas_volume(segmentation: Segmentation, geometry: Geometry) -> str | None:
    """Far less pancreas than people have means it was missed; far more means other organs were taken for it."""
    voxels = int(np.count_nonzero(segmentation.labels == Label.PANCREAS))
    volume_ml = voxels * geometry.voxel_volume_mm3 / 1000
    low_ml, high_ml = PLAUSIBLE_PANCREAS_ML
    if volume_ml < low_ml:
        return (
            f"Only {volume_ml:.1f} mL of pancreas were segmented (less than {low_ml:.0f} mL): it was probably missed."
        )
    if volume_ml > high_ml:
        return (
            f"{volume_ml:.0f} mL were segmented as pancreas (more than {high_ml:.0f} mL): other organs were probably "
            "taken for it."
        )
    return None


def _coarse_decision(geometry: Geometry, config: ScreeningConfig) -> str | None:
    """K is a number of voxels; on a coarse working grid it is a large tumor."""
    voxels = config.decision.min_tumor_voxels
    volume_mm3 = voxels * geometry.voxel_volume_mm3
    if volume_mm3 <= SMALLEST_TUMOR_MM3:
        return None
    diameter_mm = (6 * volume_mm3 / np.pi) ** (1 / 3)
    return (
        f"Below {volume_mm3:.0f} mm3 (a ball of {diameter_mm:.0f} mm) no tumor is called suspicious: that is what "
        f"{voxels} voxels are on this model's grid."
    )


def _close_call(segmentation: Segmentation, config: ScreeningConfig) -> str | None:
    """A time that was not the one expected, and its reason."""
    voxels = segmentation.close_call_voxels
    if voxels is None:
        return None
    rule = config.decision.min_tumor_voxels
    found = f"{voxels} tumor voxels, too near the {rule} of the rule" if voxels else "no pancreas"
    return f"The fast protocol found {found}: every window was run after it, and this is what the exact protocol says."
