"""What VTK and MRML say aloud, kept so that a test can fail on an error that Slicer would show in its log."""

from __future__ import annotations

from pathlib import Path

import vtk


class Messages:
    """VTK's output window as a file. Everything said since the last call of `errors` is looked at once."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0
        window = vtk.vtkFileOutputWindow()
        window.SetFileName(str(path))
        window.SetFlush(True)
        vtk.vtkOutputWindow.SetInstance(window)

    def errors(self) -> list[str]:
        """The error messages that came since the last call, one string each."""
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8", errors="replace") as file:
            file.seek(self._read)
            said = file.read()
            self._read = file.tell()
        return [message.strip() for message in said.split("\n\n") if message.lstrip().startswith("ERROR")]
