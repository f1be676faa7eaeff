"""Keys that work while the module is open, and that never take a key from another module."""

import qt
import slicer


class Keys:
    """Shortcuts of the main window: they work while a slice view has the focus, and text fields keep their letters."""

    def __init__(self, fallback, actions):
        """fallback: a widget that listens where there is no main window. actions: what each key does, by key."""
        self._window = slicer.util.mainWindow() or fallback
        self._actions = actions
        self.shortcuts = {}

    def listen(self, active):
        """Start or stop listening. A key that somebody else listens to is left to them: Qt would give it to nobody."""
        for shortcut in self.shortcuts.values():
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        taken = self._taken() if active else set()
        self.shortcuts = {key: self._shortcut(key) for key in self._actions if active and key not in taken}

    def _shortcut(self, key):
        shortcut = qt.QShortcut(qt.QKeySequence(key), self._window)
        shortcut.connect("activated()", self._actions[key])
        return shortcut

    def _taken(self):
        """Keys of other shortcuts of the window."""
        others = [child for child in self._window.children() if child.className() == "QShortcut" and child.isEnabled()]
        own = {qt.QKeySequence(key).toString(): key for key in self._actions}
        return {own[name] for name in (_name(other) for other in others) if name in own}


def _name(shortcut):
    key = shortcut.key
    return (key() if callable(key) else key).toString()
