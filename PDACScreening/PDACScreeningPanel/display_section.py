"""How a result looks in the views. Only what is asked for is touched; the layout and other nodes stay as they are."""

import slicer

ABDOMEN_WINDOW_HU, ABDOMEN_LEVEL_HU = 400, 40


class DisplaySection:
    """Outlines, surface, the opacity of the probability, and the window of the CT."""

    def __init__(self, ui):
        self.ui = ui
        self._segmentation_node = self._volume_node = self._probability_node = None
        ui.probabilityOpacitySlider.connect("valueChanged(int)", self.set_probability_opacity)
        ui.outlineButton.connect("toggled(bool)", self.show_outlines)
        ui.surfaceButton.connect("toggled(bool)", self.show_surface)
        ui.abdomenWindowButton.connect("clicked(bool)", lambda _checked: self.use_abdomen_window())

    def show(self, segmentation_node, volume_node, probability_node):
        """Point the controls at one result; None is "not there"."""
        self._segmentation_node = None  # so that setting the buttons below changes nothing in the scene
        self._probability_node = None
        display = segmentation_node.GetDisplayNode() if segmentation_node is not None else None
        self.ui.outlineButton.enabled = self.ui.surfaceButton.enabled = display is not None
        self.ui.outlineButton.checked = display is not None and bool(display.GetVisibility2D())
        self.ui.surfaceButton.checked = display is not None and _has_surface(segmentation_node, display)
        self.ui.probabilityOpacitySlider.enabled = probability_node is not None
        self.ui.probabilityOpacitySlider.value = _shown_opacity_percent(probability_node)
        self.ui.abdomenWindowButton.enabled = volume_node is not None
        self._segmentation_node, self._volume_node = segmentation_node, volume_node
        self._probability_node = probability_node

    def show_outlines(self, visible):
        """Show or hide the segments in slice views."""
        if self._segmentation_node is not None:
            self._segmentation_node.GetDisplayNode().SetVisibility2D(visible)

    def show_surface(self, visible):
        """Make the closed surfaces on demand and show or hide them in 3D views."""
        if self._segmentation_node is None:
            return
        if visible:
            self._segmentation_node.CreateClosedSurfaceRepresentation()
        self._segmentation_node.GetDisplayNode().SetVisibility3D(visible)

    def set_probability_opacity(self, percent):
        """Lay the tumor probability over the CT in every slice view; 0 takes it away."""
        if self._probability_node is None:
            return
        for composite in _composites():
            if percent:
                composite.SetForegroundVolumeID(self._probability_node.GetID())
                composite.SetForegroundOpacity(percent / 100)
            elif composite.GetForegroundVolumeID() == self._probability_node.GetID():
                composite.SetForegroundVolumeID(None)

    def use_abdomen_window(self):
        """Window 400 HU, level 40 HU: what an abdomen is usually read with."""
        display = self._volume_node.GetDisplayNode()
        display.AutoWindowLevelOff()
        display.SetWindowLevel(ABDOMEN_WINDOW_HU, ABDOMEN_LEVEL_HU)


def _has_surface(segmentation_node, display):
    surface = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    return bool(display.GetVisibility3D()) and segmentation_node.GetSegmentation().ContainsRepresentation(surface)


def _shown_opacity_percent(probability_node):
    if probability_node is None:
        return 0
    shown = [c for c in _composites() if c.GetForegroundVolumeID() == probability_node.GetID()]
    return round(100 * shown[0].GetForegroundOpacity()) if shown else 0


def _composites():
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
