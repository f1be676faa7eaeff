"""How far two surfaces lie apart, by the package surface-distance: NSD and HD95."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.evaluation.optional_packages import load
from PDACScreeningLib.volume.geometry import XYZ


@dataclass(frozen=True)
class SurfaceAgreement:
    """How well two surfaces agree; there is no agreement to measure when one of them is missing."""

    nsd: float  # normalized surface Dice: share of both surfaces that lies nearer than the tolerance
    hd95_mm: float  # 95th percentile of the distances, in the worse of both directions


def surface_agreement(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], spacing_mm: XYZ, *, tolerance_mm: float
) -> SurfaceAgreement | None:
    """NSD at a tolerance and HD95 of two masks (z, y, x) of one shape; None when either is empty.

    A mask that is missing has no distance: misses are counted apart (Table 1), so that no number has to be invented.
    """
    if not prediction.any() or not truth.any():
        return None
    metrics = load("surface_distance.metrics")
    with warnings.catch_warnings():  # its release 0.1 calls scipy.ndimage by a name that SciPy 2 will drop
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        distances = metrics.compute_surface_distances(truth, prediction, spacing_mm[::-1])
    return SurfaceAgreement(
        nsd=float(metrics.compute_surface_dice_at_tolerance(distances, tolerance_mm)),
        hd95_mm=float(metrics.compute_robust_hausdorff(distances, 95)),
    )
