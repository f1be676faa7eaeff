"""A CT volume of the library as a new volume node, for scans that are made here instead of being loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from PDACScreeningLib.mrml.ct_volume_node import RAS_FROM_LPS
from PDACScreeningLib.volume.ct_volume import CTVolume

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene


def add_ct(scene: vtkMRMLScene, ct: CTVolume, name: str) -> vtkMRMLScalarVolumeNode:
    """A new volume node with the voxels of `ct` (copied), at their place, with a display node."""
    z, y, x = ct.geometry.shape
    image = vtk.vtkImageData()
    image.SetDimensions(x, y, z)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(ct.hu).ravel(), deep=True))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(_ijk_to_ras(ct))
    node.CreateDefaultDisplayNodes()
    return node


def _ijk_to_ras(ct: CTVolume) -> vtk.vtkMatrix4x4:
    matrix = np.eye(4)
    matrix[:3, :3] = RAS_FROM_LPS @ (ct.geometry.axes * ct.geometry.spacing_mm)
    matrix[:3, 3] = RAS_FROM_LPS @ np.array(ct.geometry.origin_mm)
    ijk_to_ras = vtk.vtkMatrix4x4()
    ijk_to_ras.DeepCopy(matrix.ravel())
    return ijk_to_ras
