"""What each network alone segmented, shown one by one beside the answer. Nothing of it is scored or accepted."""

import qt
from slicer.i18n import tr as _

from PDACScreeningLib.mrml.network_segments import is_network_shown, network_color, networks_of, show_network
from PDACScreeningPanel.translation import translated

_STYLE = (
    "QPushButton {{ border: 1px solid palette(mid); border-bottom: 3px solid {color}; padding: 3px; }}"
    "QPushButton:checked {{ border: 3px solid {color}; padding: 2px; }}"
)


class NetworksSection:
    """A button a network; a result without their segments has none."""

    def __init__(self, ui):
        self.ui = ui
        self.buttons = {}  # by the name of the network
        self._node = None
        self.show(None)

    def show(self, node):
        """Offer the networks of one result. node: their segmentation node, None when there is none."""
        names = networks_of(node) if node is not None else ()
        self._node = None  # what is set below must not change the scene
        if tuple(self.buttons) != names:
            self._make_buttons(names)
        self.ui.networksRow.visible = bool(names)
        for name, button in self.buttons.items():
            button.checked = is_network_shown(node, name)
            button.styleSheet = _STYLE.format(color=network_color(node, name))
        self._node = node

    def _make_buttons(self, names):
        for button in self.buttons.values():
            button.deleteLater()
        self.buttons = {name: self._button(name) for name in names}

    def _button(self, name):
        button = qt.QPushButton(translated(name))
        button.setCheckable(True)
        button.toolTip = _(
            "Show what this network alone segmented: outlines, its tumor filled. The answer is their mean."
        )
        button.connect("toggled(bool)", lambda visible: self._toggle(name, visible))
        self.ui.networksRow.layout().addWidget(button)
        return button

    def _toggle(self, name, visible):
        if self._node is not None:
            show_network(self._node, name, visible)
