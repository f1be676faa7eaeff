"""Text for reporting a problem: it names no patient, no volume, no user and no folder. Standard library only."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Mapping

_FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\\/\s\"':,]+)*[\\/](?=[^\\/\s])")


def diagnostics(facts: Mapping[str, object], title: str, lines: list[str]) -> str:
    """Facts about the machine and the problem, then lines under a title, all without folders."""
    known = {"python": sys.version.split()[0], "system": sys.platform} | dict(facts)
    return _FOLDERS.sub("", "\n".join([*(f"{name}: {value}" for name, value in known.items()), f"{title}:", *lines]))


def error_diagnostics(error: BaseException) -> str:
    """Kind and place of an unexpected error. Its message is left out: it may name a volume, and that a patient."""
    places = [f"{place.filename}:{place.lineno} in {place.name}" for place in traceback.extract_tb(error.__traceback__)]
    return diagnostics({"problem": type(error).__name__}, "raised in", places)
