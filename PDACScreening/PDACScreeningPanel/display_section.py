"""How a result looks in the views. Only what is asked for is touched; the layout and other nodes stay as they are."""

import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.mrml.probability_node import set_overlay_opacity
from PDACScreeningLib.mrml.segmentation_node import show_surface
from PDACScreeningLib.mrml.slice_views import apply_abdomen_window
from PDACScreeningPanel.problem_line import ProblemLine


class DisplaySection:
    """Outlines, surface, the opacity of the probability, and the window of the CT."""

    def __init__(self, ui):
        self.ui = ui
        self._segmentation_node = self._volume_node = self._probability_node = self._shown = None
        self._problem = ProblemLine(ui.displayProblemLabel, ui.copyDisplayDiagnosticsButton)
        ui.probabilityOpacitySlider.connect("valueChanged(int)", self.set_probability_opacity)
        ui.outlineButton.connect("toggled(bool)", self.show_outlines)
        ui.surfaceButton.connect("toggled(bool)", self.show_surface)
        ui.abdomenWindowButton.connect("clicked(bool)", lambda _checked: self.use_abdomen_window())

    def show(self, segmentation_node, volume_node, probability_node):
        """Point the controls at one result; None is "not there"."""
        if segmentation_node is not self._shown:
            self._problem.clear()
        self._shown = segmentation_node
        self._segmentation_node = self._probability_node = None  # what is set below must not change the scene
        display = segmentation_node.GetDisplayNode() if segmentation_node is not None else None
        self.ui.outlineButton.enabled = self.ui.surfaceButton.enabled = display is not None
        self.ui.outlineButton.checked = display is not None and bool(display.GetVisibility2D())
        self.ui.surfaceButton.checked = display is not None and bool(display.GetVisibility3D())
        self.ui.probabilityOpacitySlider.enabled = probability_node is not None
        self.ui.probabilityOpacitySlider.value = _shown_percent(probability_node)
        self.ui.abdomenWindowButton.enabled = volume_node is not None
        self._segmentation_node, self._volume_node = segmentation_node, volume_node
        self._probability_node = probability_node

    def show_outlines(self, visible):
        """Show or hide the segments in slice views."""
        if self._segmentation_node is not None:
            self._segmentation_node.GetDisplayNode().SetVisibility2D(visible)

    def show_surface(self, visible):
        """Make the closed surfaces on demand and show or hide them in 3D views."""
        if self._segmentation_node is not None:
            with self._problem.told(_("The surfaces could not be made.")):
                show_surface(self._segmentation_node, visible)
            shown = bool(self._segmentation_node.GetDisplayNode().GetVisibility3D())
            self.ui.surfaceButton.blockSignals(True)  # the button tells what is, not what was wished for
            self.ui.surfaceButton.checked = shown
            self.ui.surfaceButton.blockSignals(False)

    def set_probability_opacity(self, percent):
        """Lay the tumor probability over the CT in every slice view; 0 takes it away."""
        if self._probability_node is None:
            return
        in_the_way = set_overlay_opacity(slicer.mrmlScene, self._probability_node, percent / 100)
        self._problem.clear()
        if in_the_way and percent > 0:
            text = _("{names} lies over the CT. Take it off the foreground of the slice views to see the probability.")
            self._problem.say(text.format(names=", ".join(in_the_way)))

    def use_abdomen_window(self):
        """What an abdomen is usually read with."""
        apply_abdomen_window(self._volume_node)


def _shown_percent(probability_node):
    """Opacity of the probability in the first slice view that shows it; 0 when none does."""
    if probability_node is None:
        return 0
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = [view for view in views if view.GetForegroundVolumeID() == probability_node.GetID()]
    return round(100 * shown[0].GetForegroundOpacity()) if shown else 0
