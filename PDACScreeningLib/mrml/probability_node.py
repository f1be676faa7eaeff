"""The tumor probability of every voxel as a volume over the CT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.mrml.ct_volume_node import geometry_of, ijk_to_ras, voxels_of
from PDACScreeningLib.mrml.subject_hierarchy import place_beside
from PDACScreeningLib.volume.geometry import Geometry

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene

COLORS = "vtkMRMLColorTableNodeIron"  # brightness rises with the value, so it reads without color vision
LOWEST_SHOWN = 0.1  # below it the CT alone is seen


def show_probability(
    scene: vtkMRMLScene,
    probability: NDArray[np.float32],
    geometry: Geometry,
    volume_node: vtkMRMLScalarVolumeNode,
    name: str,
) -> vtkMRMLScalarVolumeNode:
    """A new volume node with the tumor probability; it is in no view until `set_overlay_opacity` puts it there.

    probability: (z, y, x) float32 in [0, 1], 0 outside the searched region. Raises GeometryMismatch when it lies on
    another grid than the CT.
    """
    if probability.shape != geometry.shape or not geometry.is_close(geometry_of(volume_node)):
        raise GeometryMismatch("the probability map lies on another grid than the CT: it belongs to another scan")
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    _color(node)
    node.SetAndObserveImageData(
        _image(probability)
    )  # after its window is set: Slicer would look for one in every voxel
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(ijk_to_ras(volume_node).ravel())
    node.SetIJKToRASMatrix(matrix)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    place_beside(scene, node, volume_node)
    return node


def probability_from_node(node: vtkMRMLScalarVolumeNode) -> NDArray[np.float32]:
    """(z, y, x) float32 as shown by `show_probability`."""
    return voxels_of(node).astype(np.float32, copy=False)


def set_overlay_opacity(scene: vtkMRMLScene, probability_node: vtkMRMLScalarVolumeNode, opacity: float) -> None:
    """Lay the probability over the CT in every slice view; 0 takes it away again.

    A view whose foreground is another volume keeps it. opacity: 0 to 1.
    """
    identifier = probability_node.GetID()
    views = scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    views.UnRegister(None)
    for index in range(views.GetNumberOfItems()):
        view = views.GetItemAsObject(index)
        if view.GetForegroundVolumeID() not in (None, "", identifier):
            continue
        view.SetForegroundVolumeID(identifier if opacity > 0 else None)
        view.SetForegroundOpacity(opacity)


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
