"""JSON of files that nobody vouches for: read strictly, or refused by a ValueError, whatever they hold."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

MAX_BYTES = 32 * 2**20  # the largest of our files, the results of thousands of cases, has a few
MAX_DEPTH = 32  # of lists and objects inside each other; ours have 6
_MAX_INTEGER = 2**64


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises OSError when it cannot be opened, ValueError when it is no such file."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    return parse_json(content)


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text in UTF-8; a byte order mark, as some editors leave it, is no fault.

    Raises ValueError for anything JSON does not know, NaN and infinity in particular, for an object that names a key
    twice, numbers no float holds, half characters and NUL, more than MAX_BYTES and nesting deeper than MAX_DEPTH.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"it is longer than {MAX_BYTES // 2**20} MiB")
    try:
        value = json.loads(
            text.decode("utf-8-sig") if isinstance(text, bytes) else text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_moderate,
            object_pairs_hook=_object,
        )
    except RecursionError as error:
        raise ValueError("its lists and objects are nested too deeply") from error
    _require_plain(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _moderate(digits: str) -> int:
    if len(digits) > 20 or not -_MAX_INTEGER <= (value := int(digits)) <= _MAX_INTEGER:
        raise ValueError("a number is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a key twice")
    return found


def _require_plain(value: Any) -> None:
    """Raise ValueError for deep nesting, and for text that UTF-8 or a file name cannot hold; level by level."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, str):
                item.encode()
                if "\0" in item:
                    raise ValueError("a text holds a character that no file name may have")
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, dict):
                inner += [*item, *item.values()]
        if not inner:
            return
        level = inner
    raise ValueError("its lists and objects are nested too deeply")
