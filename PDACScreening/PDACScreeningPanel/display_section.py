"""How a result looks in the views. Only what is asked for is touched; the layout and other nodes stay as they are."""

import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.mrml.probability_node import color_bar, lowest_shown, set_lowest_shown, set_overlay_opacity
from PDACScreeningLib.mrml.reading_layout import use_reading_layout
from PDACScreeningLib.mrml.segmentation_node import show_surface
from PDACScreeningLib.mrml.slice_views import CT_WINDOWS, apply_window
from PDACScreeningPanel.networks_section import NetworksSection
from PDACScreeningPanel.problem_line import ProblemLine
from PDACScreeningPanel.translation import translated

COLOR_BAR_STEPS = 9


class DisplaySection:
    """Outlines, surface, layout and window of the CT, and the tumor probability over it."""

    def __init__(self, ui):
        self.ui = ui
        self._segmentation_node = self._volume_node = self._probability_node = self._shown = None
        self.networks = NetworksSection(ui)
        self._problem = ProblemLine(ui.displayProblemLabel, ui.copyDisplayDiagnosticsButton)
        ui.windowSelector.addItem(_("Window..."))
        for window in CT_WINDOWS:
            ui.windowSelector.addItem(f"{translated(window.name)} {window.width_hu:.0f}/{window.level_hu:.0f}")
        ui.probabilityOpacitySlider.connect("valueChanged(int)", self.set_probability_opacity)
        ui.probabilityThresholdSlider.connect("valueChanged(int)", self.set_probability_threshold)
        ui.outlineButton.connect("toggled(bool)", self.show_outlines)
        ui.surfaceButton.connect("toggled(bool)", self.show_surface)
        ui.layoutButton.connect("clicked(bool)", lambda _checked: self.use_layout())
        ui.windowSelector.connect("activated(int)", self.use_window)

    def show(self, result):
        """Point the controls at one result: a ShownResult, or None. They are off for what is not current."""
        result = result if result is not None and result.is_current else None
        segmentation_node = result.segmentation_node if result is not None else None
        volume_node = result.volume_node if result is not None else None
        probability_node = result.probability_node if result is not None else None
        if segmentation_node is not self._shown:
            self._problem.clear()
        self._shown = segmentation_node
        self._segmentation_node = self._probability_node = None  # what is set below must not change the scene
        ui, display = self.ui, segmentation_node.GetDisplayNode() if segmentation_node is not None else None
        ui.outlineButton.enabled = ui.surfaceButton.enabled = display is not None
        ui.outlineButton.checked = display is not None and bool(display.GetVisibility2D())
        ui.surfaceButton.checked = display is not None and bool(display.GetVisibility3D())
        ui.windowSelector.enabled = volume_node is not None
        self.networks.show(result.networks_node if result is not None else None)
        self._show_probability(probability_node)
        self._segmentation_node, self._volume_node = segmentation_node, volume_node
        self._probability_node = probability_node

    def _show_probability(self, node):
        ui = self.ui
        for widget in (ui.probabilityOpacitySlider, ui.probabilityThresholdSlider):
            widget.enabled = node is not None
        ui.probabilityOpacitySlider.value = _shown_percent(node)
        ui.probabilityThresholdSlider.value = round(100 * lowest_shown(node)) if node is not None else 0
        ui.thresholdLabel.text = f"{ui.probabilityThresholdSlider.value / 100:.2f}"
        ui.colorBarLabel.visible = node is not None
        if node is not None:
            ui.colorBarLabel.text = _("0 to 1")
            ui.colorBarLabel.styleSheet = _gradient(color_bar(node, COLOR_BAR_STEPS))

    def toggle_outlines(self):
        """What the key o does."""
        if self.ui.outlineButton.enabled:
            self.ui.outlineButton.click()

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

    def set_probability_threshold(self, percent):
        """Show the tumor probability from here on."""
        self.ui.thresholdLabel.text = f"{percent / 100:.2f}"
        if self._probability_node is not None:
            set_lowest_shown(self._probability_node, percent / 100)

    def use_layout(self):
        """Axial large, coronal, sagittal and 3D beside it."""
        self._problem.clear()
        if not use_reading_layout(slicer.mrmlScene):
            self._problem.say(_("There are no views to arrange."))

    def use_window(self, index):
        """One of the windows that a pancreas is read with."""
        if index > 0 and self._volume_node is not None:
            apply_window(self._volume_node, CT_WINDOWS[index - 1])


def _shown_percent(probability_node):
    """Opacity of the probability in the first slice view that shows it; 0 when none does."""
    if probability_node is None:
        return 0
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = [view for view in views if view.GetForegroundVolumeID() == probability_node.GetID()]
    return round(100 * shown[0].GetForegroundOpacity()) if shown else 0


def _gradient(colors):
    """A style sheet that draws colors from left to right, with letters that can be read on most of them."""
    stops = [f"stop:{place / (len(colors) - 1):.3f} rgb{color}" for place, color in enumerate(colors)]
    return f"background: qlineargradient(x1:0, y1:0, x2:1, y2:0, {', '.join(stops)}); color: white;"
