"""What the slice views show: a place in the patient, and a window fit for the abdomen. The layout is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PDACScreeningLib.mrml.one_patient import nodes_of, show_volume
from PDACScreeningLib.volume.geometry import XYZ

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene


@dataclass(frozen=True)
class CTWindow:
    """How Hounsfield units become gray."""

    name: str
    width_hu: float
    level_hu: float


CT_WINDOWS = (
    CTWindow("Abdomen", 400.0, 40.0),
    CTWindow("Pancreas", 250.0, 80.0),
    CTWindow("Narrow", 150.0, 80.0),  # for a tumor that is hardly darker than the gland
)


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


def apply_window(volume_node: vtkMRMLScalarVolumeNode, window: CTWindow) -> None:
    """Show the CT with a window."""
    if volume_node.GetDisplayNode() is None:
        volume_node.CreateDefaultDisplayNodes()
    display = volume_node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(window.width_hu, window.level_hu)
