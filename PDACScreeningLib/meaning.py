"""What a field of a file means and which values it may have, said once, where the field is."""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

SHA256_OR_NOTHING = "^([0-9a-f]{64})?$"


@dataclass(frozen=True)
class Meaning:
    """What a field of a file says, in one sentence, and which values it may have. Written as Annotated[int, Meaning()].

    Schemas, tables in the documentation and the check of values (`check_values`) are made of it.
    """

    text: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None  # values must be greater
    below: float | None = None  # values must be less
    pattern: str | None = None  # of a text, as a regular expression

    def objection(self, value: Any) -> str:
        """What is wrong with a value; empty when nothing is. Of a tuple or dict, each item is looked at."""
        if isinstance(value, dict):
            value = tuple(value.values())
        if isinstance(value, tuple):
            return next((found for item in value if (found := self.objection(item))), "")
        if isinstance(value, str) and self.pattern is not None and not re.search(self.pattern, value):
            return f"{value!r} is not of the form {self.pattern}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ""
        if not math.isfinite(value):
            return f"{value} is no finite number"
        if self.minimum is not None and value < self.minimum or self.above is not None and value <= self.above:
            return f"{value} is too small"
        if self.maximum is not None and value > self.maximum or self.below is not None and value >= self.below:
            return f"{value} is too large"
        return ""


class Checked:
    """A dataclass whose values are held against their `Meaning` at birth. Raises ValueError naming the field."""

    def __post_init__(self) -> None:
        check_values(self)


def check_values(value: Any) -> None:
    """Hold the fields of a dataclass against what their `Meaning` allows. Raises ValueError naming the field."""
    for name, meaning in _meanings(cast(Hashable, type(value))).items():
        if objection := meaning.objection(getattr(value, name)):
            raise ValueError(f"{type(value).__name__}.{name}: {objection}")


@cache
def _meanings(cls: Hashable) -> dict[str, Meaning]:
    hints = typing.get_type_hints(cast(type, cls), include_extras=True)
    found = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: item for name, items in found.items() for item in items if isinstance(item, Meaning)}
