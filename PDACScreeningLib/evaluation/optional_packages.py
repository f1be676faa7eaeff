"""The packages of the extra `evaluation`, imported when they are needed: measuring needs them, screening does not."""

from __future__ import annotations

import contextlib
import importlib
import io
from importlib import metadata
from types import ModuleType

from PDACScreeningLib.errors import UsageError

PACKAGES = ("sklearn.metrics", "matplotlib", "picai_eval", "surface_distance")
DISTRIBUTIONS = ("scikit-learn", "matplotlib", "picai_eval", "surface-distance")


def load(module: str) -> ModuleType:
    """A module of the extra; what it prints on import is dropped, for standard output belongs to the command's result.

    Raises UsageError that names the extra when it is not installed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"measuring a model needs {error.name}, which is not installed; "
            "install it with: pip install 'pdac-screening[evaluation]'"
        ) from error


def require() -> None:
    """Load all of them before hours of screening. Raises UsageError when one is missing."""
    for package in PACKAGES:
        load(package)


def versions() -> dict[str, str]:
    """Versions of the packages of the extra, which are installed."""
    return {name: metadata.version(name) for name in DISTRIBUTIONS}
