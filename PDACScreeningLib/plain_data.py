"""Frozen dataclasses <-> plain data (dict, list, str, number, bool, None), for JSON and for checkpoints.

Reading is strict: an unknown key, a missing key or a value of another type is an error, never a guess.
"""

import types
import typing
from collections.abc import Hashable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Plain data of a dataclass (recursively), tuple, enum or scalar. Raises TypeError for anything else."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(cls: type[T], data: Any, where: str = "") -> T:
    """The dataclass `cls` of plain data. Raises ValueError naming the place of a key or value that does not fit."""
    where = where or cls.__name__
    if not isinstance(data, dict):
        raise ValueError(f"{where}: expected an object, got {type(data).__name__}")
    hints = _type_hints(typing.cast(Hashable, cls))
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]  # cls is a dataclass by contract
    unknown = sorted(map(repr, set(data) - set(known)))
    if unknown:
        raise ValueError(f"{where}: unknown key(s) {', '.join(unknown)}; was it written by a newer version?")
    missing = sorted(
        name
        for name, field in known.items()
        if name not in data and field.default is MISSING and field.default_factory is MISSING
    )
    if missing:
        raise ValueError(f"{where}: missing key(s) {', '.join(missing)}")
    return cls(**{name: _value(hints[name], item, f"{where}.{name}") for name, item in data.items()})


@cache
def _type_hints(cls: Hashable) -> dict[str, Any]:
    """Of a dataclass, looked up once: a store lists ten thousand cases."""
    return typing.get_type_hints(cls)


def _value(hint: Any, data: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _optional(arguments, data, where)
    if origin is tuple:
        return _tuple(arguments, data, where)
    if origin is typing.Literal:
        if data not in arguments:
            raise ValueError(f"{where}: expected one of {', '.join(map(repr, arguments))}, got {data!r}")
        return data
    if origin is dict:
        if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
            raise ValueError(f"{where}: expected an object, got {type(data).__name__}")
        return {key: _value(arguments[1], item, f"{where}[{key}]") for key, item in data.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, data, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, data, where)
    return _scalar(hint, data, where)


def _member(hint: type[Enum], data: Any, where: str) -> Enum:
    try:
        return hint(data)
    except ValueError as error:
        known = ", ".join(repr(member.value) for member in hint)
        raise ValueError(f"{where}: expected one of {known}, got {data!r}") from error


def _optional(arguments: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and types.NoneType in arguments:
        return None
    (hint,) = (argument for argument in arguments if argument is not types.NoneType)
    return _value(hint, data, where)


def _tuple(arguments: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ValueError(f"{where}: expected a list, got {type(data).__name__}")
    hints = [arguments[0]] * len(data) if arguments[1:] == (Ellipsis,) else list(arguments)
    if len(hints) != len(data):
        raise ValueError(f"{where}: expected {len(hints)} values, got {len(data)}")
    return tuple(_value(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(hints, data, strict=True)))


def _scalar(hint: Any, data: Any, where: str) -> Any:
    if hint is Any:
        return data
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        try:
            return float(data)
        except OverflowError as error:
            raise ValueError(f"{where}: the number is too large") from error
    if not isinstance(data, hint) or (isinstance(data, bool) and hint is not bool):
        raise ValueError(f"{where}: expected {hint.__name__}, got {data!r}")
    return data
