"""Writes the JSON schema of screening.json and the tables of its documentation from the dataclasses of a screening.

Run it after changing a field; Testing/Python/test_screening_json.py fails when they differ.
"""

import inspect
import json
import re
import sys
import types
import typing
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PDACScreeningLib.meaning import Meaning  # noqa: E402
from PDACScreeningLib.outcome import JUDGED, NEVER_JUDGED  # noqa: E402
from PDACScreeningLib.screening_result import SCHEMA_VERSION, Screening  # noqa: E402

SCHEMA = ROOT / "Resources" / "screening.schema.json"
BEGIN, END = "<!-- fields: generated -->", "<!-- end of fields -->"

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_BOUNDS = {"minimum": "minimum", "maximum": "maximum", "above": "exclusiveMinimum", "below": "exclusiveMaximum"}
_NUMBERS = ("tumor_voxels", "tumor_volume_mm3", "pancreas_voxels", "pancreas_volume_mm3")


def schema() -> dict[str, Any]:
    """The whole schema, JSON Schema draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "screening.json",
        "description": "The answer of PDACScreening for one scan. Lengths are millimeters, places are LPS as in DICOM.",
        **_object(Screening),
        "allOf": [
            _when(JUDGED, {**dict.fromkeys(_NUMBERS, {"type": "number"}), "protocol": {"type": "object"}}),
            _when(NEVER_JUDGED, {**dict.fromkeys((*_NUMBERS, "score"), {"type": "null"}), "findings": {"maxItems": 0}}),
        ],
    }


def documented(document: str) -> str:
    """The page with its tables as the dataclasses have them."""
    page, count = re.subn(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n\n{_tables()}\n\n{END}", document, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"the page needs one place between {BEGIN} and {END}, found {count}")
    return page


def document_path() -> Path:
    """The page that explains the file."""
    (page,) = (ROOT / "docs").rglob("screening_json.md")
    return page


def _when(outcomes: tuple[Enum, ...], properties: dict[str, Any]) -> dict[str, Any]:
    named = {"outcome": {"enum": [outcome.value for outcome in outcomes]}}
    return {"if": {"properties": named}, "then": {"properties": properties}}


def _object(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in fields(cls)]
    properties = {name: _field(cls, name, hints[name]) for name in names}
    return {"type": "object", "additionalProperties": False, "required": names, "properties": properties}


def _field(cls: type, name: str, hint: Any) -> dict[str, Any]:
    meaning = _meaning(cls, name, hint)
    found = _of_type(typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint, _rules(meaning))
    if name == "schema_version":
        found = {"const": SCHEMA_VERSION}
    return {**found, "description": meaning.text}


def _meaning(cls: type, name: str, hint: Any) -> Meaning:
    """What the field is annotated with; the values of the configuration say it in the comment of their line."""
    for item in getattr(hint, "__metadata__", ()):
        if isinstance(item, Meaning):
            return item
    (line,) = [line for line in inspect.getsource(cls).splitlines() if re.match(rf"    {name}: ", line)]
    comment = line.partition("  # ")[2].removeprefix("ours: ")
    return Meaning(f"{comment[0].upper()}{comment[1:]}.")


def _rules(meaning: Meaning) -> dict[str, Any]:
    rules = {key: getattr(meaning, name) for name, key in _BOUNDS.items() if getattr(meaning, name) is not None}
    return rules if meaning.pattern is None else {**rules, "pattern": meaning.pattern}


def _of_type(hint: Any, rules: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        found = _of_type(inner, rules)
        allowed = {"enum": [*found["enum"], None]} if "enum" in found else {}
        return {**found, **allowed, "type": [found["type"], "null"]}
    if origin is tuple:
        fixed = {} if arguments[1:] == (Ellipsis,) else {"minItems": len(arguments), "maxItems": len(arguments)}
        return {"type": "array", "items": _of_type(arguments[0], rules), **fixed}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of_type(arguments[1], rules)}
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    if issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    return {"type": _TYPES[hint], **rules}


def _tables() -> str:
    whole = schema()
    return "\n\n".join(["## Top level", _table(whole), *_inner_tables(whole, "")])


def _inner_tables(within: dict[str, Any], place: str) -> list[str]:
    """A heading, a sentence and a table for each object inside, at every depth."""
    found = []
    for name, inner in within["properties"].items():
        listed = inner.get("items", {}) if "array" in inner.get("type", ()) else inner
        if "properties" in listed:
            here = f"{place}{name}{'[]' if listed is not inner else ''}"
            found += [f"## `{here}`", inner["description"], _table(listed), *_inner_tables(listed, f"{here}.")]
    return found


def _table(of: dict[str, Any]) -> str:
    rows = [f"| `{name}` | {_words(field)} | {field['description']} |" for name, field in of["properties"].items()]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])


def _words(field: dict[str, Any]) -> str:
    if "const" in field:
        return str(field["const"])
    kind = field["type"]
    if isinstance(kind, list):
        return f"{_words({**field, 'type': kind[0]})} or null"
    if kind != "array":
        return str(kind)
    count = f"{field['minItems']} " if "minItems" in field else ""
    return f"list of {count}{_words(field['items'])}s"


def main() -> None:
    """Write both."""
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
    page = document_path()
    page.write_text(documented(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
