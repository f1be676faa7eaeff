"""Where models lie that are found by name: those of the project, and those that a user imported."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.resources import resource

PLACE_VARIABLE = "PDAC_SCREENING_MODELS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def own_models() -> Path:
    """The folder of models that come with the project."""
    return resource("Models")


def imported_models() -> Path:
    """The folder of a user's models, there or not: $PDAC_SCREENING_MODELS, or where the system keeps a user's data."""
    named = os.environ.get(PLACE_VARIABLE)
    if named:
        return Path(named)
    home = Path.home()
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = home / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return data / "pdac-screening" / "models"


def folder_for(name: str) -> Path:
    """Where a model of this name is to be put. Raises UsageError for a name that is taken or no folder can have."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name {name}: give letters, digits, dots, hyphens and underscores only, at most 64")
    for place in (own_models(), imported_models()):
        if (place / name).exists():
            raise UsageError(f"there is a model '{name}' already, in {place}; choose another --name, or remove it")
    return imported_models() / name
