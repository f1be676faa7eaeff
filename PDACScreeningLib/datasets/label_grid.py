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
_SAME_ANGLE_DEGREES = 0.01


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
    if position_may_differ and _is_only_elsewhere(label_map.geometry, scan):
        return CanonicalLabels(_canonical(label_map), position_ignored=True)
    require_same_voxels(label_map.geometry, scan, "label map")
    return CanonicalLabels(_canonical(label_map), position_ignored=False)


def require_same_voxels(own: Geometry, scan: Geometry, what: str) -> None:
    """Raise GeometryMismatch, with the difference, unless a file's voxels are those of the scan in some order of axes.

    what: the file, as the sentence calls it.
    """
    own, wanted = _in_canonical_order(own), _in_canonical_order(scan)
    if own.shape != wanted.shape:
        raise GeometryMismatch(
            f"the {what} has {_size(own)} voxels, the scan {_size(wanted)} (left-right x front-back x head-foot): "
            f"take the {what} of this very scan"
        )
    if own.is_close(wanted, tolerance_voxels=SAME_PLACE_VOXELS):
        return
    turned = _turned_degrees(own, wanted)
    angle = f", and their axes differ by {turned:.3g} degrees" if turned > _SAME_ANGLE_DEGREES else ""
    raise GeometryMismatch(
        f"the {what} lies elsewhere than the scan: its voxels are {_mm(own.spacing_mm)} mm apart from "
        f"({_mm(own.origin_mm)}) on, those of the scan {_mm(wanted.spacing_mm)} mm from ({_mm(wanted.origin_mm)}) on"
        f"{angle}; export both on the grid of the scan"
    )


def _canonical(label_map: LabelMap) -> LABELS_ZYX:
    return canonical_orientation(label_map.geometry).to_canonical(label_map.labels)


def _in_canonical_order(geometry: Geometry) -> Geometry:
    return canonical_orientation(geometry).canonical_geometry(geometry)


def _is_only_elsewhere(own: Geometry, scan: Geometry) -> bool:
    """Whether a grid has the size and spacing of the scan's, and another place or direction."""
    own, wanted = _in_canonical_order(own), _in_canonical_order(scan)
    same_spacing = bool(np.allclose(own.spacing_mm, wanted.spacing_mm, rtol=_SAME_SPACING))
    elsewhere = own.shape == wanted.shape and not own.is_close(wanted, tolerance_voxels=SAME_PLACE_VOXELS)
    return elsewhere and same_spacing


def _turned_degrees(own: Geometry, wanted: Geometry) -> float:
    """The largest angle between axes of the same name."""
    cosines = np.clip((own.axes * wanted.axes).sum(axis=0), -1.0, 1.0)
    return float(np.degrees(np.arccos(cosines.min())))


def _size(geometry: Geometry) -> str:
    return " x ".join(str(length) for length in geometry.shape[::-1])


def _mm(values: tuple[float, float, float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
