"""screening.json, its schema and its documentation say the same."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_screenings import ALL, INPUT, NOT_SUSPICIOUS, SUSPICIOUS

from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.resources import resource
from PDACScreeningLib.screening_json import OLDER_RESULT, from_json, to_json, write_screening

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads(resource("screening.schema.json").read_text(encoding="utf-8"))
IDS = [screening.outcome.value for screening in ALL]


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("writer", ROOT / ".ci" / "write_screening_schema.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_schema_is_the_one_of_the_dataclasses(generator):
    assert generator.schema() == SCHEMA, "run .ci/write_screening_schema.py"


def test_the_documentation_has_every_field_in_the_words_of_the_dataclasses(generator):
    page = generator.document_path().read_text(encoding="utf-8")
    assert generator.documented(page) == page, "run .ci/write_screening_schema.py"


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


def test_the_schema_asks_results_for_numbers_and_allows_others_none():
    jsonschema = pytest.importorskip("jsonschema", reason="the package jsonschema is absent")
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert not validator.is_valid({**to_json(SUSPICIOUS), "tumor_voxels": None})
    failed = to_json(next(screening for screening in ALL if screening.outcome is Outcome.FAILED))
    assert validator.is_valid(failed)
    assert not validator.is_valid({**failed, "score": 0.5})
    assert not validator.is_valid({**to_json(SUSPICIOUS), "score": 1.5})


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"score": 1.5}, "Screening.score"),
        ({"score": float("nan")}, "Screening.score"),
        ({"tumor_voxels": -1}, "Screening.tumor_voxels"),
        ({"tumor_voxels": None}, "SUSPICIOUS needs"),
        ({"protocol": None}, "SUSPICIOUS needs"),
        ({"outcome": "FAILED"}, "FAILED cannot have"),
        ({"outcome": "NOT_SUSPICIOUS", "rule_call": None}, "does not follow from 1234 tumor voxels"),
        ({"tumor_voxels": 49}, "does not follow from 49 tumor voxels"),
        ({"outcome": "PDAC"}, "PDAC"),
        ({"timings_s": {"read scan": "long"}}, "timings_s"),
    ],
)
def test_values_that_cannot_be_are_refused_on_reading(changed, place):
    with pytest.raises(ValueError, match=place):
        from_json({**to_json(SUSPICIOUS), **changed})


def test_values_that_cannot_be_are_refused_at_birth():
    with pytest.raises(ValueError, match="Finding.volume_mm3"):
        replace(SUSPICIOUS.findings[0], volume_mm3=0.0)
    with pytest.raises(ValueError, match="InputFacts.spacing_mm_xyz"):
        replace(INPUT, spacing_mm_xyz=(1.0, -1.0, 1.0))


def of_version_1(screening):
    """What version 1 wrote: a flattened protocol."""
    plain = to_json(screening)
    protocol, windows = plain["protocol"], plain["protocol"]["windows"]
    plain["protocol"] = {
        "name": protocol["name"],
        "working_spacing_mm_xyz": protocol["working_spacing_mm_xyz"],
        "window_sizes": [window["size"] for window in windows],
        "strides": [window["stride"] for window in windows],
        "roi_margin_voxels": 32,
        "min_component_fraction": 0.2,
        "min_tumor_voxels": 50,
        "min_tumor_volume_mm3": 500.0,
        "score_count_weight": 0.5,
    }
    return {**plain, "schema_version": 1}


def test_a_result_of_version_1_is_shown_with_a_warning_and_not_scored_again():
    read = from_json(of_version_1(NOT_SUSPICIOUS))
    assert read.warnings[0] == OLDER_RESULT
    assert not read.can_be_scored_again
    expected = replace(NOT_SUSPICIOUS.protocol, working_spacing_mm=None)
    assert read == replace(
        NOT_SUSPICIOUS, protocol=expected, warnings=(OLDER_RESULT, *NOT_SUSPICIOUS.warnings), schema_version=1
    )


@pytest.mark.parametrize("protocol", [{}, {"name": "exact"}, [], "exact", 7])
def test_a_damaged_result_of_version_1_is_refused(protocol):
    with pytest.raises(ValueError, match=r"protocol|Protocol"):
        from_json({**of_version_1(SUSPICIOUS), "protocol": protocol})


def test_identifiers_are_empty_unless_carried():
    assert to_json(SUSPICIOUS)["input"]["identifiers"] == {}
    carried = replace(SUSPICIOUS, input=replace(INPUT, identifiers={"PatientID": "7"}))
    assert to_json(carried)["input"]["identifiers"] == {"PatientID": "7"}
