"""A label map on the grid of its scan: the same voxels, perhaps stored in another order of axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation

SAME_PLACE_VOXELS = 0.1  # headers round in single precision
_SAME_SPACING = 0.01  # relative


@dataclass(frozen=True, eq=False)
class CanonicalLabels:
    """labels: (z, y, x) uint8, voxel by voxel on the scan in canonical orientation. position_ignored: see below."""

    labels: LABELS_ZYX
    position_ignored: bool


def labels_on_scan(label_map: LabelMap, scan: Geometry, *, position_may_differ: bool = False) -> CanonicalLabels:
    """Bring a label map into the canonical orientation of its scan; nothing is interpolated.

    position_may_differ: a label map of the scan's size and spacing is taken voxel by voxel although its header places
    it elsewhere (`position_ignored` tells). Raises GeometryMismatch for every other difference.
    """
    orientation = canonical_orientation(label_map.geometry)
    own = orientation.canonical_geometry(label_map.geometry)
    wanted = canonical_orientation(scan).canonical_geometry(scan)
    labels = orientation.to_canonical(label_map.labels)
    if own.shape != wanted.shape:
        raise GeometryMismatch(
            f"the label map has {_size(own)} voxels, the scan {_size(wanted)} (left-right x front-back x head-foot): "
            "take the label map of this very scan"
        )
    if own.is_close(wanted, tolerance_voxels=SAME_PLACE_VOXELS):
        return CanonicalLabels(labels, position_ignored=False)
    same_spacing = np.allclose(own.spacing_mm, wanted.spacing_mm, rtol=_SAME_SPACING)
    if position_may_differ and same_spacing:
        return CanonicalLabels(labels, position_ignored=True)
    raise GeometryMismatch(
        f"the label map lies elsewhere than the scan: its voxels are {_mm(own.spacing_mm)} mm apart from "
        f"({_mm(own.origin_mm)}) on, those of the scan {_mm(wanted.spacing_mm)} mm from ({_mm(wanted.origin_mm)}) on; "
        "export both on the grid of the scan"
    )


def _size(geometry: Geometry) -> str:
    return " x ".join(str(length) for length in geometry.shape[::-1])


def _mm(values: tuple[float, float, float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
