"""What the slice views show: a place in the patient, and a window fit for the abdomen. The layout is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PDACScreeningLib.mrml.one_patient import nodes_of, show_volume
from PDACScreeningLib.volume.geometry import XYZ

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene

ABDOMEN_WINDOW_HU, ABDOMEN_LEVEL_HU = 400.0, 50.0


def jump_to(scene: vtkMRMLScene, position_lps_mm: XYZ, volume_node: vtkMRMLScalarVolumeNode) -> None:
    """Show the CT in every slice view, centered on a place: a finding over another patient's CT would be a lie.

    position_lps_mm: in the frame of the CT's voxels, as findings are; the CT's parent transform is applied here.
    """
    x, y, z = position_lps_mm
    world = [0.0, 0.0, 0.0]
    volume_node.TransformPointToWorld([-x, -y, z], world)
    show_volume(scene, volume_node)
    for view in nodes_of(scene, "vtkMRMLSliceNode"):
        view.JumpSliceByCentering(*world)


def apply_abdomen_window(volume_node: vtkMRMLScalarVolumeNode) -> None:
    """Window 400, level 50 HU on the CT."""
    if volume_node.GetDisplayNode() is None:
        volume_node.CreateDefaultDisplayNodes()
    display = volume_node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(ABDOMEN_WINDOW_HU, ABDOMEN_LEVEL_HU)
