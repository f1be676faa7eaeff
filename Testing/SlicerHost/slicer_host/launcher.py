"""A stand-in for PythonSlicer, the launcher that Slicer puts on its PATH: a CTKAppLauncher with a Python behind it.

What it imitates, read in CTKAppLauncher: the real Python is a child with the same three standard streams and an
environment of the launcher's making (its folders come first on PYTHONPATH); a child that was killed becomes one line on
standard error and exit code 1; the launcher handles no signal, so SIGTERM ends it and leaves the child alone.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

REAL_PYTHON = sys.executable  # before the host empties sys.executable as Slicer does
MARK = "SLICER_HOST_LAUNCHER"  # in the environment of what the launcher has started

_LAUNCHER = """#!{python}
import os, subprocess, sys
environment = dict(os.environ, {mark}="1", PYTHONNOUSERSITE="1")
path = environment.get("PYTHONPATH")
environment["PYTHONPATH"] = os.pathsep.join([{packages!r}] + ([path] if path else []))
child = subprocess.Popen([{python!r}, *sys.argv[1:]], env=environment)
code = child.wait()
if code < 0:
    print("error: [{python}] exit abnormally - Report the problem.", file=sys.stderr)
    code = 1
sys.exit(code)
"""


def install_launcher(folder: Path) -> Path:
    """Write PythonSlicer into a folder of its own and put that first on PATH. Returns the launcher."""
    place, packages = folder / "bin", folder / "slicer-packages"
    for made in (place, packages):
        made.mkdir()
    launcher = place / "PythonSlicer"
    launcher.write_text(_LAUNCHER.format(python=REAL_PYTHON, mark=MARK, packages=str(packages)), encoding="utf-8")
    launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
    os.environ["PATH"] = os.pathsep.join([str(place), os.environ.get("PATH", "")])
    return launcher
