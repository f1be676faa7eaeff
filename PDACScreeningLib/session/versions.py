"""Versions of what a result depends on, told without importing any of it."""

from __future__ import annotations

import platform
from importlib import metadata

_PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "torch")


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the packages a result depends on; a package that is absent is left out."""
    versions = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
