"""A stand-in for `slicer.parameterNodeWrapper`: typed attributes on a parameter node, and their link to widgets.

Imitated: node references, str, bool, int, float, Path and enumerations, `Annotated[..., WithinRange, Minimum, Maximum,
Choice, Default]`, `connectGui` by the dynamic property SlicerParameterName, observing. Not imitated: packs and lists.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import vtk
from PySide6 import QtCore, QtWidgets

PROPERTY = "SlicerParameterName"


@dataclass(frozen=True)
class WithinRange:
    """A number from minimum to maximum."""

    minimum: float
    maximum: float

    def check(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not between {self.minimum} and {self.maximum}")


@dataclass(frozen=True)
class Minimum:
    """A number from minimum on."""

    minimum: float

    def check(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is below {self.minimum}")


@dataclass(frozen=True)
class Maximum:
    """A number up to maximum."""

    maximum: float

    def check(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is above {self.maximum}")


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    choices: tuple[Any, ...]

    def check(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass(frozen=True)
class Default:
    """The value before any is set."""

    value: Any


class Parameter:
    """One typed attribute, stored as text or as a node reference."""

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        self.name, self.default = name, default
        self.validators: list[Any] = []
        if typing.get_origin(hint) is typing.Annotated:
            hint, *extra = typing.get_args(hint)
            self.validators = [item for item in extra if hasattr(item, "check")]
            self.default = next((item.value for item in extra if isinstance(item, Default)), default)
        arguments = [item for item in typing.get_args(hint) if item is not types.NoneType]
        self.kind: Any = arguments[0] if arguments else hint
        self.is_node = isinstance(self.kind, type) and issubclass(self.kind, vtk.vtkObject)

    def __get__(self, owner: Any, _cls: type | None = None) -> Any:
        if owner is None:
            return self
        node = owner.parameterNode
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        return self._initial() if text == "" else self._value(text)

    def __set__(self, owner: Any, value: Any) -> None:
        if self.is_node:
            if value is not None and not isinstance(value, self.kind):
                raise TypeError(f"{self.name} takes a {self.kind.__name__}, got {type(value).__name__}")
            owner.parameterNode.SetNodeReferenceID(self.name, value.GetID() if value else None)
            return
        if self.kind is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, self.kind):
            raise TypeError(f"{self.name} takes a {self.kind.__name__}, got {type(value).__name__}")
        for validator in self.validators:
            validator.check(value)
        owner.parameterNode.SetParameter(self.name, self._text(value))

    def _initial(self) -> Any:
        return self.kind() if self.default is None and not issubclass(self.kind, enum.Enum) else self.default

    def _text(self, value: Any) -> str:
        if isinstance(value, enum.Enum):
            return value.name
        return repr(value) if isinstance(value, bool | int | float) else f"={value}"  # "" means unset

    def _value(self, text: str) -> Any:
        if issubclass(self.kind, enum.Enum):
            return self.kind[text]
        if self.kind is bool:
            return text == "True"
        return self.kind(text.removeprefix("=")) if self.kind in (str, Path) else self.kind(text)


def parameterNodeWrapper(cls: type) -> type:
    """Turn the annotations of a class into parameters of the node it is made with."""
    hints = typing.get_type_hints(cls, include_extras=True)
    for name, hint in hints.items():
        setattr(cls, name, Parameter(name, hint, cls.__dict__.get(name)))

    def init(self: Any, node: Any) -> None:
        self.parameterNode = node
        self._links = {}

    members: dict[str, Any] = {
        "__init__": init,
        "AddObserver": lambda self, *arguments: self.parameterNode.AddObserver(*arguments),
        "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
        "GetID": lambda self: self.parameterNode.GetID(),
        "GetMTime": lambda self: self.parameterNode.GetMTime(),
        "Modified": lambda self: self.parameterNode.Modified(),
        "StartModify": lambda self: self.parameterNode.StartModify(),
        "EndModify": lambda self, before: self.parameterNode.EndModify(before),
        "connectGui": _connect_gui,
        "disconnectGui": _disconnect_gui,
    }
    for name, member in members.items():
        setattr(cls, name, member)
    return cls


def _connect_gui(self: Any, gui: Any) -> int:
    """Link every widget that names a parameter, both ways. Returns a tag for disconnectGui."""
    widgets = [widget for widget in vars(gui).values() if isinstance(widget, QtWidgets.QWidget)]
    links = [_Link(self, widget, str(widget.property(PROPERTY))) for widget in widgets if widget.property(PROPERTY)]
    tag = len(self._links) + 1
    self._links[tag] = links
    return tag


def _disconnect_gui(self: Any, tag: int) -> None:
    for link in self._links.pop(tag):
        link.cut()


class _Link:
    """One widget and one parameter, equal from now on."""

    def __init__(self, wrapper: Any, widget: QtWidgets.QWidget, name: str) -> None:
        if not isinstance(type(wrapper).__dict__.get(name), Parameter):
            raise ValueError(f"widget {widget.property('objectName')} names an unknown parameter {name}")
        self.wrapper, self.widget, self.name = wrapper, widget, name
        self.read, self.write, self.signal = _access(widget)
        self.tag = wrapper.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.to_widget())
        self.to_widget()
        self.signal.connect(self.to_parameter)

    def to_widget(self) -> None:
        value = getattr(self.wrapper, self.name)
        if self.read() != value:
            self.write(value)

    def to_parameter(self, *_arguments: Any) -> None:
        value = self.read()
        if getattr(self.wrapper, self.name) != value:
            setattr(self.wrapper, self.name, value)

    def cut(self) -> None:
        self.wrapper.RemoveObserver(self.tag)
        self.signal.disconnect(self.to_parameter)


def _access(widget: Any) -> tuple[Callable[[], Any], Callable[[Any], None], QtCore.SignalInstance]:
    """How to read, write and watch the value of a widget."""
    if hasattr(widget, "currentNode"):
        return widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged
    if isinstance(widget, QtWidgets.QAbstractButton):
        return widget.isChecked, widget.setChecked, widget.toggled
    if isinstance(widget, QtWidgets.QComboBox):
        return lambda: widget.property("currentText"), widget.setCurrentText, widget.currentTextChanged
    for name, signal in (("text", "textChanged"), ("value", "valueChanged"), ("plainText", "textChanged")):
        if widget.metaObject().indexOfProperty(name) >= 0 and hasattr(widget, signal):
            return partial(widget.property, name), partial(widget.setProperty, name), getattr(widget, signal)
    raise ValueError(f"no parameter can be linked to a {type(widget).__name__}")


def parameter_node_module() -> types.ModuleType:
    """The module `slicer.parameterNodeWrapper`."""
    module = types.ModuleType("slicer.parameterNodeWrapper")
    for item in (parameterNodeWrapper, WithinRange, Minimum, Maximum, Choice, Default):
        setattr(module, item.__name__, item)
    return module
