"""The tumor regions of a segmentation, measured: what a reader jumps to."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, distance

from PDACScreeningLib.inference.postprocessing import SIX_NEIGHBORS
from PDACScreeningLib.screening_result import Finding
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ, Geometry
from PDACScreeningLib.volume.label_map import Label

FACE_CENTERS_ZYX = np.array([(0.5, 0, 0), (-0.5, 0, 0), (0, 0.5, 0), (0, -0.5, 0), (0, 0, 0.5), (0, 0, -0.5)])


def find_tumors(labels: NDArray[np.uint8], tumor_probability: NDArray[np.float32], ct: CTVolume) -> tuple[Finding, ...]:
    """Every 6-connected tumor region of a filtered segmentation, largest first (equal ones in raster order).

    labels: (z, y, x) values of Label; tumor_probability: (z, y, x) float32; ct: the CT on the same grid, from whose
    geometry places in the world are taken. No tumor voxel gives ().
    """
    box = bounding_box(labels == Label.TUMOR)
    if box is None:
        return ()
    regions, _ = ndimage.label(labels[box.slices] == Label.TUMOR, structure=SIX_NEIGHBORS)
    parts = enumerate(ndimage.find_objects(regions), start=1)
    places = [_voxels_of(regions, part, number) + np.array(box.start) for number, part in parts]
    places.sort(key=len, reverse=True)
    return tuple(_measure(number, place, tumor_probability, ct) for number, place in enumerate(places, start=1))


def longest_diameter_mm(indices_zyx: NDArray[np.intp], geometry: Geometry) -> float:
    """Greatest distance between two points of a region, in mm.

    indices_zyx: (n, 3) voxels of the region, n >= 1. A voxel reaches from face to face, so it is stood for by the
    centers of its six faces: a single voxel measures its longest edge, a row of 5 voxels its 5 edges, and the points
    never lie in one plane, which a convex hull could not take.
    """
    ends = _row_ends(indices_zyx)
    points_zyx = (ends[:, np.newaxis] + FACE_CENTERS_ZYX).reshape(-1, 3)
    points_mm = np.unique(points_zyx, axis=0) * geometry.spacing_mm[::-1]  # distances do not ask for the direction
    corners = points_mm[ConvexHull(points_mm).vertices]
    return float(
        max(distance.cdist(corners[first : first + 256], corners).max() for first in range(0, len(corners), 256))
    )


def _voxels_of(regions: NDArray[np.int32], box: tuple[slice, slice, slice], number: int) -> NDArray[np.intp]:
    """(n, 3) indices (z, y, x) of region `number`, which lies in `box`, in raster order."""
    inside: NDArray[np.intp] = np.argwhere(regions[box] == number)
    return inside + np.array([part.start for part in box], np.intp)


def _measure(
    number: int, indices_zyx: NDArray[np.intp], tumor_probability: NDArray[np.float32], ct: CTVolume
) -> Finding:
    geometry = ct.geometry
    centroid_zyx = indices_zyx.mean(axis=0)
    apart_mm = np.linalg.norm((indices_zyx - centroid_zyx) * geometry.spacing_mm[::-1], axis=1)
    where = tuple(indices_zyx.T)
    return Finding(
        number=number,
        voxels=len(indices_zyx),
        volume_mm3=len(indices_zyx) * geometry.voxel_volume_mm3,
        longest_diameter_mm=longest_diameter_mm(indices_zyx, geometry),
        centroid_lps_mm=_world(centroid_zyx, geometry),
        inside_lps_mm=_world(indices_zyx[apart_mm.argmin()], geometry),
        mean_hu=float(ct.hu[where].mean(dtype=np.float64)),
        mean_tumor_probability=float(tumor_probability[where].mean(dtype=np.float64)),
    )


def _world(index_zyx: NDArray[np.floating] | NDArray[np.intp], geometry: Geometry) -> XYZ:
    x, y, z = (float(mm) for mm in geometry.index_to_world(index_zyx.astype(np.float64)))
    return (x, y, z)


def _row_ends(indices_zyx: NDArray[np.intp]) -> NDArray[np.intp]:
    """First and last voxel of every row along x; all others lie between two voxels, never at a corner of the hull.

    indices_zyx: (n, 3) in raster order.
    """
    new_row = np.any(np.diff(indices_zyx[:, :2], axis=0) != 0, axis=1)
    first = np.concatenate([[True], new_row])
    last = np.concatenate([new_row, [True]])
    ends: NDArray[np.intp] = indices_zyx[first | last]
    return ends
