"""The tumor probability of every voxel as a volume over the CT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.mrml.ct_volume_node import geometry_of, ijk_to_ras, voxels_of
from PDACScreeningLib.mrml.one_patient import slice_views
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.part import VolumePart

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene

COLORS = "vtkMRMLColorTableNodeIron"  # brightness rises with the value, so it reads without color vision
LOWEST_SHOWN = 0.1  # below it the CT alone is seen
_ALIGNED = 1e-4  # of a voxel step: digits of a saved scene


def show_probability(
    scene: vtkMRMLScene,
    probability: VolumePart[np.float32],
    volume_node: vtkMRMLScalarVolumeNode,
    name: str,
) -> vtkMRMLScalarVolumeNode:
    """A new volume node with the tumor probability; it is in no view until `set_overlay_opacity` puts it there.

    probability: float32 in [0, 1], the part that was searched: a whole CT of them takes 420 MB. The node is not offered
    as a CT to screen. Raises GeometryMismatch when it lies on another grid than the CT.
    """
    if not probability.geometry.is_close(geometry_of(volume_node)):
        raise GeometryMismatch("the probability map lies on another grid than the CT: it belongs to another scan")
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    node.SetHideFromEditors(True)
    node.CreateDefaultDisplayNodes()
    _color(node)  # before the voxels are there: Slicer would look at every one of them for a window
    node.SetAndObserveImageData(_image(probability.values))
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(_ijk_to_ras_of(probability.box, volume_node).ravel())
    node.SetIJKToRASMatrix(matrix)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    return node


def probability_from_node(
    node: vtkMRMLScalarVolumeNode, volume_node: vtkMRMLScalarVolumeNode
) -> VolumePart[np.float32]:
    """The tumor probability on the grid of the CT, as it was given to `show_probability`.

    Raises GeometryMismatch when the node's voxels are not voxels of the CT: it was moved, or it is of another scan.
    """
    part, geometry = voxels_of(node).astype(np.float32, copy=False), geometry_of(volume_node)
    first = np.linalg.solve(ijk_to_ras(volume_node), ijk_to_ras(node))
    start = np.rint(first[:3, 3])[::-1].astype(int)
    stop = start + part.shape
    aligned = np.allclose(first[:3, :3], np.eye(3), atol=_ALIGNED) and np.allclose(first[:3, 3], start[::-1], atol=0.01)
    if not aligned or (start < 0).any() or (stop > geometry.shape).any():
        raise GeometryMismatch("the tumor probability lies on another grid than the CT: screen again")
    z, y, x = start.tolist()
    return VolumePart(part, Box((z, y, x), (z + part.shape[0], y + part.shape[1], x + part.shape[2])), geometry)


def set_overlay_opacity(
    scene: vtkMRMLScene, probability_node: vtkMRMLScalarVolumeNode, opacity: float
) -> tuple[str, ...]:
    """Lay the probability over the CT in every slice view; 0 takes it away again.

    A view whose foreground is another volume keeps it. Returns the names of such volumes. opacity: 0 to 1.
    """
    identifier, in_the_way = probability_node.GetID(), []
    for view in slice_views(scene):
        foreground = view.GetForegroundVolumeID()
        if foreground not in (None, "", identifier):
            other = scene.GetNodeByID(foreground)
            in_the_way += [other.GetName()] if other is not None else []
            continue
        view.SetForegroundVolumeID(identifier if opacity > 0 else None)
        view.SetForegroundOpacity(opacity)
    return tuple(dict.fromkeys(in_the_way))


def set_lowest_shown(probability_node: vtkMRMLScalarVolumeNode, probability: float) -> None:
    """Let the CT alone be seen where the tumor probability is lower."""
    probability_node.GetDisplayNode().SetThreshold(probability, 1.0)


def lowest_shown(probability_node: vtkMRMLScalarVolumeNode) -> float:
    """The lowest tumor probability that is shown."""
    return float(probability_node.GetDisplayNode().GetLowerThreshold())


def color_bar(probability_node: vtkMRMLScalarVolumeNode, steps: int) -> list[tuple[int, int, int]]:
    """Red, green and blue (0 to 255) of the tumor probabilities from 0 to 1, in equal steps."""
    table = probability_node.GetDisplayNode().GetColorNode()
    color, colors = [0.0, 0.0, 0.0, 0.0], []
    for step in range(steps):
        table.GetColor(round(step / (steps - 1) * (table.GetNumberOfColors() - 1)), color)
        colors.append((round(255 * color[0]), round(255 * color[1]), round(255 * color[2])))
    return colors


def _ijk_to_ras_of(box: Box, volume_node: vtkMRMLScalarVolumeNode) -> NDArray[np.float64]:
    """(4, 4) matrix of the voxels inside a box of the CT."""
    matrix = ijk_to_ras(volume_node)
    matrix[:3, 3] += matrix[:3, :3] @ np.array(box.start[::-1])
    return matrix


def _image(probability: NDArray[np.float32]) -> vtk.vtkImageData:
    image = vtk.vtkImageData()
    z, y, x = probability.shape
    image.SetDimensions(x, y, z)
    values = np.ascontiguousarray(probability, np.float32).ravel()
    image.GetPointData().SetScalars(numpy_to_vtk(values, deep=True, array_type=vtk.VTK_FLOAT))
    return image


def _color(node: vtkMRMLScalarVolumeNode) -> None:
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(COLORS)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, 1.0)
    display.AutoThresholdOff()
    display.SetThreshold(LOWEST_SHOWN, 1.0)
    display.ApplyThresholdOn()
