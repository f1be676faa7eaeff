"""Stand-ins for the ctk widgets a module may use: plain Qt widgets with ctk's properties and signals."""

from __future__ import annotations

import types
from typing import Any

from PySide6 import QtCore, QtWidgets

from slicer_host.ui_loader import stand_in, stand_ins

_FOLDED_PIXELS, _ANY_HEIGHT = 20, 16_777_215


@stand_in
class ctkCollapsibleButton(QtWidgets.QGroupBox):
    """A section that folds."""

    contentsCollapsed = QtCore.Signal(bool)

    def _is_collapsed(self) -> bool:
        return bool(self.__dict__.get("_collapsed", False))

    def _collapse(self, value: bool) -> None:
        self.__dict__["_collapsed"] = bool(value)
        self.setMaximumHeight(_FOLDED_PIXELS if value else _ANY_HEIGHT)  # whatever is inside, also what comes later
        self.contentsCollapsed.emit(bool(value))

    def _text(self) -> str:
        return str(self.property("title"))

    def _set_text(self, value: str) -> None:
        self.setProperty("title", value)

    collapsed = QtCore.Property(bool, _is_collapsed, _collapse)
    text = QtCore.Property(str, _text, _set_text)


@stand_in
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a number beside it; here only the number."""

    valueChanged = QtCore.Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        box = QtWidgets.QDoubleSpinBox(self)
        self.__dict__["_box"] = box
        QtWidgets.QHBoxLayout(self).addWidget(box)
        box.valueChanged.connect(self.valueChanged.emit)


def _forwarded(name: str, kind: type) -> QtCore.Property:
    """A property that lives in the spin box inside."""

    def read(self: Any) -> Any:
        return self._box.property(name)

    def write(self: Any, value: Any) -> None:
        self._box.setProperty(name, value)

    return QtCore.Property(kind, read, write)


@stand_in
class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    """A spin box."""


_SLIDER_PROPERTIES = {"value": float, "minimum": float, "maximum": float, "singleStep": float, "decimals": int}


def _slider_class() -> type:
    """ctkSliderWidget with its properties, which Qt takes only while the class is made."""
    body = {name: _forwarded(name, kind) for name, kind in _SLIDER_PROPERTIES.items()}
    cls = type("ctkSliderWidget", (ctkSliderWidget,), {"__module__": __name__, **body})
    return stand_in(cls)


_slider_class()


def _simple(name: str, base: type) -> None:
    stand_in(type(name, (base,), {"__module__": __name__}))


for _name, _base in {
    "ctkCheckBox": QtWidgets.QCheckBox,
    "ctkCheckablePushButton": QtWidgets.QPushButton,
    "ctkColorPickerButton": QtWidgets.QPushButton,
    "ctkDirectoryButton": QtWidgets.QPushButton,
    "ctkDoubleRangeSlider": QtWidgets.QWidget,
    "ctkDoubleSlider": QtWidgets.QWidget,
    "ctkRangeWidget": QtWidgets.QWidget,
    "ctkComboBox": QtWidgets.QComboBox,
    "ctkCollapsibleGroupBox": QtWidgets.QGroupBox,
    "ctkExpandButton": QtWidgets.QToolButton,
    "ctkFittedTextBrowser": QtWidgets.QTextBrowser,
    "ctkMenuButton": QtWidgets.QPushButton,
    "ctkPathLineEdit": QtWidgets.QLineEdit,
    "ctkPushButton": QtWidgets.QPushButton,
}.items():
    _simple(_name, _base)


def ctk_module() -> types.ModuleType:
    """The module that `import ctk` gives."""
    module = types.ModuleType("ctk")
    for name, cls in stand_ins.items():
        if name.startswith("ctk"):
            setattr(module, name, cls)
    return module
