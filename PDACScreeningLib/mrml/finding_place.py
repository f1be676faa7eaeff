"""Where a finding lies in the scene, and showing that place in all slice views."""

from __future__ import annotations

from typing import Any

import slicer

from PDACScreeningLib.screening_result import Finding
from PDACScreeningLib.volume.geometry import XYZ


def world_position(finding: Finding, volume_node: Any) -> XYZ:
    """RAS mm in the world of a point inside the finding.

    The finding's own place is in the frame of the volume (LPS); a transform above the volume moves both.
    """
    left, posterior, superior = finding.inside_lps_mm
    in_volume = (-left, -posterior, superior)
    transform_node = volume_node.GetParentTransformNode()
    if transform_node is None:
        return in_volume
    world = [0.0, 0.0, 0.0]
    volume_node.TransformPointToWorld(in_volume, world)
    return (world[0], world[1], world[2])


def show_in_slices(scene: Any, position: XYZ) -> None:
    """Center every slice view of the scene on a world position (RAS mm)."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *position, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
