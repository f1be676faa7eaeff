"""The summary on the terminal: the verdict first, the notices always."""

from dataclasses import replace
from pathlib import Path

import pytest
from sample_screenings import ALL, DEMO_NOTICE, INDETERMINATE, INPUT, NOT_SUSPICIOUS, SUSPICIOUS

from PDACScreeningLib.report.plain_summary import plain_summary
from PDACScreeningLib.screening_result import RESEARCH_NOTICE


def test_a_suspicious_scan_in_lines():
    files = [Path("out") / name for name in ("labels.seg.nrrd", "report.html")]
    assert plain_summary(SUSPICIOUS, files).splitlines() == [
        "Suspicious region found",
        "  1234 tumor voxels were found.",
        f"  Model: {DEMO_NOTICE}",
        "  Tumor: 12.3 mL (1234 voxels); suspicious from 0.50 mL (50 voxels)",
        "  2 of 3 networks alone call a tumor; not the 16^3.",
        "  Score: 0.921 (0 to 1, ranks scans; not a probability of cancer)",
        "  Finding 1: 31.2 mm, 10.40 mL, mean 42 HU, mean tumor probability 0.912",
        "  Finding 2: 12.8 mm, 1.26 mL, mean -4 HU, mean tumor probability 0.643",
        "  Warning: Slices are 5 mm thick.",
        "  Warning: The scan is short.",
        f"  {files[1]}",
        f"  {files[0]}",
        "  Research use only; not a medical device.",
    ]


def test_not_suspicious_excludes_nothing():
    assert plain_summary(NOT_SUSPICIOUS).startswith("No suspicious region found - does not exclude cancer\n")


def test_not_assessable_gives_the_reason_at_once():
    assert plain_summary(INDETERMINATE).startswith("Not assessable: The coarse scan found no pancreas.\n  Model:")


@pytest.mark.parametrize("screening", ALL, ids=lambda screening: screening.outcome)
def test_every_outcome_has_verdict_reason_and_notice_in_ascii(screening):
    text = plain_summary(screening)
    assert text.startswith(screening.outcome.verdict)
    assert screening.reason in text
    assert text.endswith(RESEARCH_NOTICE)
    assert text.isascii()
    assert "%" not in text


def test_identifiers_are_not_printed():
    asked_for = replace(SUSPICIOUS, input=replace(INPUT, identifiers={"PatientName": "Doe^Jane"}))
    assert "Doe" not in plain_summary(asked_for)
