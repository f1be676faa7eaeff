"""(z, y, x) masks <-> vtkOrientedImageData, the image a segment is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from PDACScreeningLib.volume.box import Box

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkOrientedImageData


def oriented_image(mask: NDArray[np.bool_], box: Box, volume_node: vtkMRMLScalarVolumeNode) -> vtkOrientedImageData:
    """A mask of the voxels inside `box` as an image of 0 and 1 on the lattice of the volume.

    mask: (z, y, x) of the box. The image's extent is the box, so its voxels keep their indices.
    """
    image = _empty_image(volume_node)
    (z0, y0, x0), (z1, y1, x1) = box.start, box.stop
    image.SetExtent(x0, x1 - 1, y0, y1 - 1, z0, z1 - 1)
    values = np.ascontiguousarray(mask, np.uint8).ravel()
    image.GetPointData().SetScalars(numpy_to_vtk(values, deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    return image


@dataclass(frozen=True, eq=False)
class MaskPart:
    """A (z, y, x) mask inside `box`; outside everything is false."""

    mask: NDArray[np.bool_]
    box: Box


def mask_part(image: vtkOrientedImageData, value: int, volume_node: vtkMRMLScalarVolumeNode) -> MaskPart | None:
    """Where a segment's image has `value`, on the grid of the volume; by nearest neighbor where the lattices differ.

    image: not changed; segments may share one, each with a value of its own. Only its voxels above 0 and the box around
    them are looked at: a segment is small, a CT is large. None for an image without any.
    """
    x, y, z = volume_node.GetImageData().GetDimensions()
    reference = _empty_image(volume_node)
    reference.SetExtent(0, x - 1, 0, y - 1, 0, z - 1)
    if not image.IsEmpty() and not _is_part_of(image, reference):
        image = _resampled(image, reference)
    inside = _box_above_zero(image)
    if inside is None:
        return None
    x0, _, y0, _, z0, _ = image.GetExtent()
    start, stop = (
        tuple(a + b for a, b in zip((z0, y0, x0), ends, strict=True)) for ends in (inside.start, inside.stop)
    )
    return MaskPart(_values(image)[inside.slices] == value, Box(start, stop))


def _box_above_zero(image: vtkOrientedImageData) -> Box | None:
    """Of indices into `_values`; None when there is nothing."""
    extent = [0, -1, 0, -1, 0, -1]
    if image.IsEmpty() or not slicer.vtkOrientedImageDataResample.CalculateEffectiveExtent(image, extent):
        return None
    first = image.GetExtent()
    x0, x1, y0, y1, z0, z1 = (own - first[axis // 2 * 2] for axis, own in enumerate(extent))
    return Box((z0, y0, x0), (z1 + 1, y1 + 1, x1 + 1))


def _is_part_of(image: vtkOrientedImageData, reference: vtkOrientedImageData) -> bool:
    """Whether the voxels of an image are voxels of the reference."""
    if not slicer.vtkOrientedImageDataResample.DoGeometriesMatch(image, reference):
        return False
    inner, outer = image.GetExtent(), reference.GetExtent()
    return all(outer[axis] <= inner[axis] and inner[axis + 1] <= outer[axis + 1] for axis in (0, 2, 4))


def _resampled(image: vtkOrientedImageData, reference: vtkOrientedImageData) -> vtkOrientedImageData:
    output = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, reference, output)
    return output


def _values(image: vtkOrientedImageData) -> NDArray[Any]:
    """(z, y, x) as stored, as a view."""
    x, y, z = image.GetDimensions()
    values: NDArray[Any] = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(z, y, x)
    return values


def _empty_image(volume_node: vtkMRMLScalarVolumeNode) -> vtkOrientedImageData:
    image, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    return image
