"""What key images are made of: the largest findings, else the pancreas, else the middle of the scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.quantity_words import finding_name
from PDACScreeningLib.screening_result import Finding
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.geometry import XYZ, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

_CLOSE_UP_MM = (70.0, 180.0)  # least and greatest side of a close-up
_FINDING_CLOSE_UP = 2.5  # side of a close-up in longest diameters of the finding
_PANCREAS_CLOSE_UP = 1.2  # side of a close-up in lengths of the pancreas' box
_MAX_FINDINGS = 4


@dataclass(frozen=True)
class ImageTarget:
    """A point of the patient worth a picture, and how wide a close-up of it is (None: no close-up)."""

    name: str
    point_lps_mm: XYZ
    close_up_mm: float | None


def image_targets(
    geometry: Geometry, labeled: LabelMap | None, findings: tuple[Finding, ...]
) -> tuple[ImageTarget, ...]:
    """At least one target; several only where there are several findings, largest first.

    labeled: the label map cropped to what is labeled, None where nothing is.
    """
    if findings:
        return tuple(_finding(finding, len(findings)) for finding in findings[:_MAX_FINDINGS])
    if labeled is not None:
        return (_pancreas(labeled),)
    middle = (np.array(geometry.shape) - 1) // 2
    return (ImageTarget("the middle of the scan", _world(geometry, middle), None),)


def labeled_part(label_map: LabelMap | None) -> LabelMap | None:
    """The part of a label map that is labeled, with one voxel around it; None where nothing is."""
    if label_map is None:
        return None
    box = bounding_box(label_map.labels)
    return None if box is None else label_map.cropped(box.padded(1, label_map.labels.shape))


def _finding(finding: Finding, count: int) -> ImageTarget:
    largest = ", the largest" if finding.number == 1 and count > 1 and not finding.left_out else ""
    name = finding_name(finding).replace("Finding", "finding") + largest
    side_mm = float(np.clip(_FINDING_CLOSE_UP * finding.longest_diameter_mm, *_CLOSE_UP_MM))
    return ImageTarget(name, finding.inside_lps_mm, side_mm)


def _pancreas(labeled: LabelMap) -> ImageTarget:
    """The voxel of the pancreas nearest to its centroid: the centroid of a bent gland may lie outside it."""
    inside, spacing_mm = labeled.labels != Label.BACKGROUND, labeled.geometry.spacing_mm[::-1]
    length_mm, from_middle_mm = 0.0, []
    for axis, (length, mm) in enumerate(zip(inside.shape, spacing_mm, strict=True)):
        counts = np.count_nonzero(inside, axis=tuple({0, 1, 2} - {axis}))
        places = np.flatnonzero(counts)
        length_mm = max(length_mm, float(places[-1] - places[0]) * mm)
        from_middle_mm.append((np.arange(length) - np.average(np.arange(length), weights=counts)) * mm)
    side_mm = float(np.clip(_PANCREAS_CLOSE_UP * length_mm, *_CLOSE_UP_MM))
    return ImageTarget("the pancreas", _world(labeled.geometry, _nearest(inside, *from_middle_mm)), side_mm)


def _nearest(
    inside: NDArray[np.bool_], z_mm: NDArray[np.float64], y_mm: NDArray[np.float64], x_mm: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Index (z, y, x) of the true voxel with the shortest way to 0. One slice at a time: a gland may fill the scan."""
    in_slice = y_mm[:, np.newaxis] ** 2 + x_mm**2
    found = [np.where(plane, in_slice, np.inf).min() + z**2 for plane, z in zip(inside, z_mm, strict=True)]
    z = int(np.argmin(found))
    y, x = np.unravel_index(np.argmin(np.where(inside[z], in_slice, np.inf)), in_slice.shape)
    return np.array([z, int(y), int(x)], np.intp)


def _world(geometry: Geometry, index_zyx: NDArray[np.intp]) -> XYZ:
    x, y, z = (float(mm) for mm in geometry.index_to_world(index_zyx.astype(np.float64)))
    return (x, y, z)
