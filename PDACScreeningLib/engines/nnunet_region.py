"""Between the two steps of a published pipeline: a coarse copy of the scan, and the box for the second step.

The numbers are those of the PANORAMA baseline (DIAGNijmegen/PANORAMA_baseline, `resample_img`, `CropPancreasROI`).
"""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib.network.nnunet_model import CoarseStep
from PDACScreeningLib.volume.box import ZYX, Box, bounding_box
from PDACScreeningLib.volume.geometry import XYZ

_BEYOND_HU = float(sitk.sitkFloat32)  # the baseline gives ITK the number of a pixel type as the value beyond the scan


def coarse_image(hu: NDArray[np.float32], spacing_mm_xyz: XYZ, coarse: CoarseStep) -> tuple[NDArray[np.float32], XYZ]:
    """The scan (z, y, x) as the first step is to see it, and its spacing: by cubic B-spline from the first voxel on."""
    wanted = coarse.spacing_mm_xyz
    if wanted is None:
        return hu, spacing_mm_xyz
    image = sitk.GetImageFromArray(np.ascontiguousarray(hu))
    image.SetSpacing(spacing_mm_xyz)
    resampler = sitk.ResampleImageFilter()
    resampler.SetOutputSpacing(wanted)
    resampler.SetSize(
        [
            max(1, round(size * (mm / new)))
            for size, mm, new in zip(image.GetSize(), spacing_mm_xyz, wanted, strict=True)
        ]
    )
    resampler.SetDefaultPixelValue(_BEYOND_HU)
    resampler.SetInterpolator(sitk.sitkBSpline)
    found: NDArray[np.float32] = sitk.GetArrayFromImage(resampler.Execute(image))
    return found, wanted


def region_of(
    mask: NDArray[np.bool_], mask_spacing_mm_xyz: XYZ, shape: ZYX, spacing_mm_xyz: XYZ, margin_mm_xyz: XYZ
) -> Box | None:
    """The box of the scan (z, y, x) for the second step; None when the first step found nothing.

    mask: (z, y, x) on its own spacing, with the same first voxel. From the first to the last voxel of the mask, in the
    scan's voxels, grown by whole voxels of the margin and clipped; the last voxel itself does not count, as in the
    baseline, unless nothing would be left.
    """
    box = bounding_box(mask)
    if box is None:
        return None
    bounds = []
    for axis, length in enumerate(shape):
        spacing, of_mask = spacing_mm_xyz[2 - axis], mask_spacing_mm_xyz[2 - axis]
        margin = int(margin_mm_xyz[2 - axis] / spacing)
        first, last = (_nearest(voxel * of_mask / spacing) for voxel in (box.start[axis], box.stop[axis] - 1))
        low = min(max(0, first - margin), length - 1)
        bounds.append((low, max(low + 1, min(length, last + margin))))
    (z0, z1), (y0, y1), (x0, x1) = bounds
    return Box((z0, y0, x0), (z1, y1, x1))


def _nearest(place: float) -> int:
    """The voxel a place lies in; ITK counts a place between two to the upper one."""
    return math.floor(place + 0.5)
