"""screening.json, its schema and its documentation say the same."""

import json
import types
import typing
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path

import pytest
from sample_screenings import ALL, INPUT, SUSPICIOUS

from PDACScreeningLib.resources import resource
from PDACScreeningLib.screening_result import SCHEMA_VERSION, Screening, from_json, to_json, write_screening

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "screening_json.md"
SCHEMA = json.loads(resource("screening.schema.json").read_text(encoding="utf-8"))
JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
IDS = [screening.outcome.value for screening in ALL]


def assert_describes(schema, hint, where):
    """The schema has the very fields and types of the dataclass."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        assert schema["type"][1] == "null", where
        assert_describes({**schema, "type": schema["type"][0]}, inner, where)
    elif origin is tuple:
        assert schema["type"] == "array", where
        fixed = None if arguments[1:] == (Ellipsis,) else len(arguments)
        assert (schema.get("minItems"), schema.get("maxItems")) == (fixed, fixed), where
        assert_describes(schema["items"], arguments[0], where)
    elif origin is dict:
        assert schema["type"] == "object", where
        assert_describes(schema["additionalProperties"], arguments[1], where)
    elif is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        names = [field.name for field in fields(hint)]
        assert list(schema["properties"]) == names, where
        assert schema["required"] == names, where
        assert schema["additionalProperties"] is False, where
        for name in names:
            assert_describes(schema["properties"][name], hints[name], f"{where}.{name}")
    elif issubclass(hint, Enum):
        assert schema["enum"] == [member.value for member in hint], where
    elif "const" in schema:
        assert isinstance(schema["const"], hint), where
    else:
        assert schema["type"] == JSON_TYPES[hint], where


def test_the_schema_has_every_field_with_its_type_and_no_other():
    assert_describes({"type": "object", **SCHEMA}, Screening, "screening")
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize("screening", ALL, ids=IDS)
def test_what_is_written_fits_the_schema(tmp_path, screening):
    jsonschema = pytest.importorskip("jsonschema", reason="the package jsonschema is absent")
    written = json.loads(write_screening(screening, tmp_path / "screening.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(written)


@pytest.mark.parametrize("screening", ALL, ids=IDS)
def test_what_is_written_reads_back(tmp_path, screening):
    written = json.loads(write_screening(screening, tmp_path / "screening.json").read_text(encoding="utf-8"))
    assert from_json(written) == screening
    assert set(written) == set(SCHEMA["properties"])


def test_a_result_has_numbers_and_nothing_else_has():
    for screening in ALL:
        written = to_json(screening)
        branch = SCHEMA["then" if screening.outcome in SCHEMA["if"]["properties"]["outcome"]["enum"] else "else"]
        for name, rule in branch["properties"].items():
            if rule.get("type") in ("null", "number"):
                assert (written[name] is None) == (rule["type"] == "null"), name


def test_identifiers_are_empty_unless_carried():
    assert to_json(SUSPICIOUS)["input"]["identifiers"] == {}
    carried = replace(SUSPICIOUS, input=replace(INPUT, identifiers={"PatientID": "7"}))
    assert to_json(carried)["input"]["identifiers"] == {"PatientID": "7"}


def described_fields(schema):
    """Name and meaning of every field, at every depth."""
    for name, inner in schema.get("properties", {}).items():
        yield name, inner["description"]
        yield from described_fields(inner)
        yield from described_fields(inner.get("items", {}))


def test_the_document_explains_every_field_in_the_words_of_the_schema():
    document = DOCUMENT.read_text(encoding="utf-8")
    rows = [line for line in document.splitlines() if line.startswith("| `")]
    for name, meaning in described_fields(SCHEMA):
        assert any(row.startswith(f"| `{name}` |") and row.endswith(f"| {meaning} |") for row in rows), name
