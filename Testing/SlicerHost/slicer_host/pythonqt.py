"""PySide6 with the manners of PythonQt, which is how Slicer's Python sees Qt.

1. One flat namespace, the module `qt`.
2. Qt properties are attributes: `label.text` is a str, `button.enabled = False` sets it.
3. `widget.connect("clicked(bool)", function)`; a misspelt signal raises.
4. Assigning an attribute that a C++ class does not have raises, as in PythonQt.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)
CONNECTABLE = (QtWidgets.QWidget, QtGui.QAction, QtGui.QShortcut, QtCore.QTimer, QtWidgets.QButtonGroup)
STATIC_WINS = {("QTimer", "singleShot")}  # a static method of the same name as a property

_treated: set[type] = set()


def pythonqt_manners(cls: type) -> type:
    """Give one QObject class (not its bases, not its subclasses) attributes for its Qt properties."""
    if cls in _treated:
        return cls
    _treated.add(cls)
    if issubclass(cls, CONNECTABLE):
        cls.__getattribute__ = _with_string_connect(cls.__getattribute__)  # type: ignore[method-assign]
        cls.__setattr__ = _guarded_setattr  # type: ignore[method-assign]
    meta: QtCore.QMetaObject = cls.staticMetaObject  # type: ignore[attr-defined]
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        name = str(meta.property(index).name())
        own = cls.__dict__.get(name)
        if (cls.__name__, name) not in STATIC_WINS and not isinstance(own, property | QtCore.Property):
            setattr(cls, name, _attribute(name))
    return cls


def _attribute(name: str) -> property:
    def read(self: QtCore.QObject) -> Any:
        return self.property(name)

    def write(self: QtCore.QObject, value: Any) -> None:
        if isinstance(self.property(name), bool):
            value = bool(value)  # PythonQt asks for the truth of any object
        if not self.setProperty(name, value):
            raise AttributeError(f"{type(self).__name__}.{name} cannot be set to {value!r}")

    return property(read, write)


def _with_string_connect(original: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    # PySide answers `connect` itself before a method of that name is looked up, hence not a method
    def getattribute(self: Any, name: str) -> Any:
        if name == "connect":
            return lambda *arguments: _connect(self, *arguments)
        if name == "disconnect":
            return lambda *arguments: _disconnect(self, *arguments)
        return original(self, name)

    return getattribute


def _connect(sender: Any, signal: str, receiver: Callable[..., Any]) -> bool:
    _signal(sender, signal).connect(receiver)
    return True


def _disconnect(sender: Any, signal: str, receiver: Callable[..., Any] | None = None) -> bool:
    bound = _signal(sender, signal)
    if receiver is None:
        bound.disconnect()
    else:
        bound.disconnect(receiver)
    return True


def _signal(sender: Any, signal: str) -> Any:
    """The bound signal of a C++ signature; those that carry MRML nodes are declared as `cxx_signals` of a stand-in."""
    if not isinstance(signal, str):
        raise TypeError("the PythonQt form is connect('signal(types)', function)")
    signature = bytes(QtCore.QMetaObject.normalizedSignature(signal).data()).decode()
    name = signature.partition("(")[0]
    if signature in getattr(type(sender), "cxx_signals", ()):
        return getattr(sender, name)
    if sender.metaObject().indexOfSignal(signature) < 0:
        raise ValueError(f"{type(sender).__name__} has no signal {signal}")
    bound = getattr(sender, name)
    try:
        return bound[signature]
    except (KeyError, IndexError, TypeError):
        return bound  # the only overload


def _guarded_setattr(self: Any, name: str, value: Any) -> None:
    # written out, because Shiboken refuses its own __setattr__ once a base class has another
    descriptor = getattr(type(self), name, None)
    if isinstance(descriptor, QtCore.Property):
        self.setProperty(name, value)
    elif hasattr(descriptor, "__set__"):
        descriptor.__set__(self, value)
    elif descriptor is None and type(self).__module__.startswith("PySide6"):
        raise AttributeError(f"{type(self).__name__} has no attribute {name}; C++ objects take no new ones")
    else:
        self.__dict__[name] = value


def qt_module() -> types.ModuleType:
    """The module that `import qt` gives."""
    module = types.ModuleType("qt")
    for source in MODULES:
        for name in dir(source):
            if name.startswith("Q") or name in ("Signal", "Slot", "Property"):
                setattr(module, name, getattr(source, name))
    for value in list(vars(module).values()):
        if isinstance(value, type) and issubclass(value, QtCore.QObject):
            pythonqt_manners(value)
    QtCore.QObject.name = property(  # type: ignore[attr-defined]
        lambda self: self.property("objectName"), lambda self, value: self.setProperty("objectName", value)
    )
    QtCore.QObject.className = lambda self: self.metaObject().className()  # type: ignore[attr-defined]
    return module
