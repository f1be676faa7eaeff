"""Renders what a result looks like in Slicer's own slice and 3D views, from what `make demo` leaves behind.

The views are the real displayable managers of Slicer, drawn without a window by trame-slicer, by `make pictures`. With
`--reading` the layout of a reader, for the picture of the whole module.
"""

import sys
from pathlib import Path

import slicer
import slicer.util
from PIL import Image
from trame_slicer.core import SlicerApp
from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkObject
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

from PDACScreeningLib.mrml.new_volume_node import add_ct
from PDACScreeningLib.mrml.probability_node import set_overlay_opacity
from PDACScreeningLib.mrml.result_nodes import show_result
from PDACScreeningLib.mrml.segmentation_node import show_surface
from PDACScreeningLib.mrml.shown_result import shown_result
from PDACScreeningLib.mrml.slice_views import CT_WINDOWS, apply_window, jump_to
from PDACScreeningLib.scan_files.image_io import read_ct_file

ROOT = Path(__file__).resolve().parents[2]
SCAN, RESULT = ROOT / "demo" / "phantom-tumor" / "ct.nii.gz", ROOT / "demo" / "result-tumor"
SIDE, GAP = 400, 6  # pixels
PROBABILITY_OPACITY = 0.5
CLOSER = 2.5
READING = (
    (840, 1080),
    (560, 537),
    (560, 537),
)  # axial large, coronal and 3D beside it: a usual screen beside the panel
HERE = Path(__file__).resolve().parent


def views(app, sizes):
    """An axial, a coronal and a 3D view."""
    app.view_manager.register_factory(DirectViewFactory(do_render_offscreen=True))
    layouts = (
        ViewLayoutDefinition.axial_view(),
        ViewLayoutDefinition.coronal_view(),
        ViewLayoutDefinition.threed_view(background_color="#3c4043"),
    )
    made = [app.view_manager.create_view(layout) for layout in layouts]
    for view, size in zip(made, sizes, strict=True):
        view.render_window().SetSize(*size)
    return made


def show(app, scan, result_folder):
    """Scan and result in the scene, as the module adds them, centered on the first finding."""
    volume = add_ct(app.scene, read_ct_file(scan).volume, "CT")
    app.display_manager.show_volume_in_slice_background(volume)
    apply_window(volume, CT_WINDOWS[0])
    segmentation = show_result(app.scene, result_folder, volume)
    show_surface(segmentation, True)
    result = shown_result(app.scene, segmentation)
    if not result.screening.findings:
        raise ValueError(f"{result_folder} has no finding to look at; run `make demo` first")
    for view in app.view_manager.get_slice_views():
        view.fit_view_to_content()
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene=app.scene):
        x, y, z = node.GetFieldOfView()
        node.SetFieldOfView(x / CLOSER, y / CLOSER, z)
    jump_to(app.scene, result.screening.findings[0].inside_lps_mm, volume)
    return result


def picture(view):
    """What a view shows, as an image."""
    for renderer in view.render_window().GetRenderers():
        renderer.SetUseDepthPeeling(False)  # without a graphics card OpenGL then draws nothing that is translucent
    view.render()
    grabber = vtkWindowToImageFilter()
    grabber.SetInput(view.render_window())
    grabber.ReadFrontBufferOff()
    grabber.Update()
    image = grabber.GetOutput()
    x, y, _ = image.GetDimensions()
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(y, x, 3)
    return Image.fromarray(values[::-1].copy())


def row(images):
    """Pictures side by side."""
    whole = Image.new("RGB", (sum(image.width + GAP for image in images) - GAP, max(image.height for image in images)))
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width + GAP
    return whole


def column(images):
    """Pictures one above the other."""
    turned = [image.transpose(Image.Transpose.ROTATE_90) for image in reversed(images)]
    return row(turned).transpose(Image.Transpose.ROTATE_270)


def main():
    is_reading = "--reading" in sys.argv
    app = SlicerApp()
    slicer.mrmlScene = app.scene
    vtkObject.GlobalWarningDisplayOff()  # a slice view complains about each layer that is still empty
    axial, coronal, surface = views(app, READING if is_reading else [(SIDE, SIDE)] * 3)
    result = show(app, SCAN, RESULT)
    surface.fit_view_to_content()
    pictures = [picture(axial), picture(coronal), picture(surface)]
    if is_reading:
        row([pictures[0], column(pictures[1:])]).save(HERE / "slicer-reading.png", optimize=True)
        return
    set_overlay_opacity(app.scene, result.probability_node, PROBABILITY_OPACITY)
    row([*pictures, picture(axial)]).save(HERE / "slicer-views.png", optimize=True)


if __name__ == "__main__":
    main()
