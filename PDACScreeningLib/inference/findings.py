"""The tumor regions of a segmentation, measured: what a reader jumps to."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, distance

from PDACScreeningLib.inference.postprocessing import SIX_NEIGHBORS
from PDACScreeningLib.screening_result import Finding
from PDACScreeningLib.volume.arrays import HU_ZYX, LABELS_ZYX, PROBABILITY_ZYX
from PDACScreeningLib.volume.box import Box, box_around
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ, Geometry
from PDACScreeningLib.volume.label_map import Label

FACE_CENTERS_ZYX = np.array([(0.5, 0, 0), (-0.5, 0, 0), (0, 0.5, 0), (0, -0.5, 0), (0, 0, 0.5), (0, 0, -0.5)])


def find_tumors(labels: LABELS_ZYX, tumor_probability: PROBABILITY_ZYX | None, ct: CTVolume) -> tuple[Finding, ...]:
    """Every 6-connected tumor region of a filtered segmentation, largest first (equal ones in raster order).

    labels: (z, y, x) values of Label; tumor_probability: (z, y, x) float32, None when there is none; ct: the CT on the
    same grid, from whose geometry places in the world are taken. No tumor voxel gives ().
    """
    box = box_around(labels, lambda plane: plane == Label.TUMOR)
    if box is None:
        return ()
    regions, _ = ndimage.label(labels[box.slices] == Label.TUMOR, structure=SIX_NEIGHBORS)
    parts = [
        _Region(regions[part] == number, _moved(part, box))
        for number, part in enumerate(ndimage.find_objects(regions), start=1)
    ]
    parts.sort(key=lambda region: region.voxels, reverse=True)
    return tuple(_measure(number, region, tumor_probability, ct) for number, region in enumerate(parts, start=1))


def longest_diameter_mm(region: NDArray[np.bool_], geometry: Geometry) -> float:
    """Greatest distance between two points of a region, in mm.

    region: (z, y, x), true for at least one voxel. A voxel reaches from face to face, so it is stood for by the
    centers of its six faces: a single voxel measures its longest edge, a row of 5 voxels its 5 edges, and the points
    never lie in one plane, which a convex hull could not take.
    """
    points_zyx = (_possible_corners(region)[:, np.newaxis] + FACE_CENTERS_ZYX).reshape(-1, 3)
    points_mm = points_zyx * geometry.spacing_mm[::-1]  # distances do not ask for the direction
    corners = points_mm[ConvexHull(points_mm).vertices]
    return float(
        max(distance.cdist(corners[first : first + 256], corners).max() for first in range(0, len(corners), 256))
    )


class _Region:
    """The voxels of one tumor region: true in `mask` (z, y, x), which lies at `place` in the volume.

    Everything is summed plane by plane: lists of the indices of all voxels would take 24 bytes each.
    """

    def __init__(self, mask: NDArray[np.bool_], place: tuple[slice, slice, slice]) -> None:
        self.mask, self.place = mask, place
        self.voxels = int(np.count_nonzero(mask))

    def mean(self, image: HU_ZYX | NDArray[np.float32]) -> float:
        """Mean of an image (z, y, x) of the whole volume over the voxels of the region."""
        planes = zip(image[self.place], self.mask, strict=True)
        return float(sum(values[plane].sum(dtype=np.float64) for values, plane in planes) / self.voxels)

    def centroid_zyx(self) -> NDArray[np.float64]:
        """Center of mass of the region, in indices of the mask."""
        counts = [self.mask.sum(axis=others, dtype=np.int64) for others in ((1, 2), (0, 2), (0, 1))]
        return np.array([np.arange(len(count)) @ count / self.voxels for count in counts])

    def nearest_zyx(self, point_zyx: NDArray[np.float64], spacing_mm: XYZ) -> NDArray[np.intp]:
        """The voxel of the region nearest to a point, in indices of the mask; the first of equals in raster order."""
        nearest, least = np.zeros(3, np.intp), np.inf
        for z, plane in enumerate(self.mask):
            inside = np.argwhere(plane)
            if len(inside) == 0:
                continue
            apart = np.square((inside - point_zyx[1:]) * spacing_mm[1::-1]).sum(axis=1)
            apart_mm2 = apart.min() + ((z - point_zyx[0]) * spacing_mm[2]) ** 2
            if apart_mm2 < least:
                nearest, least = np.array([z, *inside[apart.argmin()]]), apart_mm2
        return nearest


def _measure(number: int, region: _Region, tumor_probability: PROBABILITY_ZYX | None, ct: CTVolume) -> Finding:
    geometry = ct.geometry
    start_zyx = np.array([part.start for part in region.place])
    centroid_zyx = region.centroid_zyx()
    return Finding(
        number=number,
        voxels=region.voxels,
        volume_mm3=region.voxels * geometry.voxel_volume_mm3,
        longest_diameter_mm=longest_diameter_mm(region.mask, geometry),
        centroid_lps_mm=_world(start_zyx + centroid_zyx, geometry),
        inside_lps_mm=_world(start_zyx + region.nearest_zyx(centroid_zyx, geometry.spacing_mm), geometry),
        mean_hu=region.mean(ct.hu),
        mean_tumor_probability=None if tumor_probability is None else region.mean(tumor_probability),
    )


def _world(index_zyx: NDArray[np.floating] | NDArray[np.intp], geometry: Geometry) -> XYZ:
    x, y, z = (float(mm) for mm in geometry.index_to_world(index_zyx.astype(np.float64)))
    return (x, y, z)


def _moved(part: tuple[slice, slice, slice], box: Box) -> tuple[slice, slice, slice]:
    """A place within a box as a place in the volume."""
    z, y, x = (slice(first + own.start, first + own.stop) for first, own in zip(box.start, part, strict=True))
    return (z, y, x)


def _possible_corners(region: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(n, 3) indices (z, y, x) of the voxels that can be corners of the region's hull.

    A voxel in the middle between two others of the region cannot. Of a box only the eight corners remain.
    """
    corners = []
    for z, plane in enumerate(region):
        between = np.zeros_like(plane)
        between[1:-1] |= plane[:-2] & plane[2:]
        between[:, 1:-1] |= plane[:, :-2] & plane[:, 2:]
        if 0 < z < len(region) - 1:
            between |= region[z - 1] & region[z + 1]
        corners.append(np.insert(np.argwhere(plane & ~between), 0, z, axis=1))
    return np.concatenate(corners)
