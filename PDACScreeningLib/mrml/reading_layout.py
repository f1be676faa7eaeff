"""The views a reader of the pancreas wants: axial large, beside it coronal, sagittal and 3D."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkMRMLScene

LAYOUT_ID = 4127  # Slicer's own layouts have numbers below 100; ours must be nobody else's
_VIEW = (
    '<item splitSize="{size}"><view class="vtkMRMLSliceNode" singletontag="{name}">'
    '<property name="orientation" action="default">{orientation}</property>'
    '<property name="viewlabel" action="default">{letter}</property>'
    '<property name="viewcolor" action="default">{color}</property></view></item>'
)
_AXIAL = _VIEW.format(size=650, name="Red", orientation="Axial", letter="R", color="#F34A33")
_CORONAL = _VIEW.format(size=333, name="Green", orientation="Coronal", letter="G", color="#6EB04B")
_SAGITTAL = _VIEW.format(size=333, name="Yellow", orientation="Sagittal", letter="Y", color="#EDD54C")
_3D = (
    '<item splitSize="333"><view class="vtkMRMLViewNode" singletontag="1">'
    '<property name="viewlabel" action="default">1</property></view></item>'
)
DESCRIPTION = (
    f'<layout type="horizontal" split="true">{_AXIAL}<item splitSize="350">'
    f'<layout type="vertical" split="true">{_CORONAL}{_SAGITTAL}{_3D}</layout></item></layout>'
)


def use_reading_layout(scene: vtkMRMLScene) -> bool:
    """Arrange the views for reading. Returns False where there is no layout to arrange (Slicer without a window)."""
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is None:
        return False
    if not layout.IsLayoutDescription(LAYOUT_ID):
        layout.AddLayoutDescription(LAYOUT_ID, DESCRIPTION)
    layout.SetViewArrangement(LAYOUT_ID)
    return True
