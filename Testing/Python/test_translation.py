"""The library's sentences are found again in its texts, whatever stands in them."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from sample_screenings import INDETERMINATE, NOT_SUSPICIOUS, SUSPICIOUS, WITH_VESSELS

from PDACScreeningLib.child_run.run_expectation import duration, expectation
from PDACScreeningLib.child_run.run_failure import FailureKind, usual
from PDACScreeningLib.inference.assessment import doubts
from PDACScreeningLib.inference.engine import NO_PANCREAS
from PDACScreeningLib.report.outcome_banner import not_current_banner, outcome_banner, stale_banner
from PDACScreeningLib.report.score_panel import score_panel
from PDACScreeningLib.report.translation import SentenceBook

ROOT = Path(__file__).resolve().parents[2]
BOOK = (
    "slice {number} of {count}",
    "Finding {size}",
    "{count} warnings below",
    "{reason} This is bad.",
    "none",
    "a {{b}}",
)


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


SENTENCES = loaded(ROOT / "PDACScreening" / "PDACScreeningPanel" / "library_sentences.py").SENTENCES


def capitals(sentence):
    """Another language: the words in capitals, the names of values as they are."""
    parts = sentence.replace("{", "\0{").replace("}", "}\0").split("\0")
    return "".join(part if part.startswith("{") and part.endswith("}") else part.upper() for part in parts)


def said(text, sentences=BOOK):
    return SentenceBook(sentences, capitals).translated(text)


def test_the_list_for_translators_is_that_of_the_source():
    writer = loaded(ROOT / ".ci" / "write_library_sentences.py")
    assert writer.TARGET.read_text(encoding="utf-8") == writer.page(), "run .ci/write_library_sentences.py"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slice 13 of 24", "SLICE 13 OF 24"),
        (
            "Finding 31 mm (11.0 mL), slice 13 of 24. 2 warnings below",
            "FINDING 31 mm (11.0 mL), SLICE 13 OF 24. 2 WARNINGS BELOW",
        ),
        ("none: slice 1 of 2\nslice 3 of 4", "NONE: SLICE 1 OF 2\nSLICE 3 OF 4"),
        ("slice 1 of 2; none. This is bad.", "SLICE 1 OF 2; NONE. THIS IS BAD."),  # a value that is a sentence
        ("written by a person: slice 1 of 2", "written by a person: SLICE 1 OF 2"),
        ("nothing of it", "nothing of it"),
        ("", ""),
    ],
)
def test_sentences_are_found_between_values_and_beside_each_other(text, expected):
    assert said(text) == expected


def test_a_translation_may_put_the_values_in_another_order():
    book = SentenceBook(["slice {number} of {count}"], lambda _: "{count} Schichten, die {number}.")
    assert book.translated("slice 13 of 24") == "24 Schichten, die 13."


@pytest.mark.parametrize("wrong", ["{nummer} von {count}", "von {count}", "{number} {count", "{}"])
def test_a_translation_that_lost_a_value_is_not_used(wrong):
    book = SentenceBook(["slice {number} of {count}"], lambda _: wrong)
    assert book.translated("slice 13 of 24") == "slice 13 of 24"


def test_all_that_banner_panel_failures_and_expectation_say_is_in_the_list():
    screenings = (SUSPICIOUS, NOT_SUSPICIOUS, replace(INDETERMINATE, reason=NO_PANCREAS))
    banners = [*map(outcome_banner, screenings), stale_banner(SUSPICIOUS), not_current_banner(GONE)]
    texts = [text for banner in banners for text in (banner.headline, banner.line)]
    panel = score_panel(SUSPICIOUS, "7")
    texts += [panel.rule, panel.score, *panel.scales, *panel.anatomy, panel.notice]
    texts += score_panel(WITH_VESSELS, "7").anatomy
    texts += [f"{usual(kind).sentence} {usual(kind).remedy}".strip() for kind in FailureKind if kind not in WITH_WORDS]
    texts += [expectation(device, 20.0, None) for device in ("auto", "cpu", "cuda", "mps")]
    texts += [duration(seconds) for seconds in (5, 500, 50_000)]
    texts += [doubt for doubt in DOUBTS if doubt]
    for text in texts:
        assert _without_units(said(text, SENTENCES)) == _without_units(said(text, SENTENCES)).upper(), text


WITH_WORDS = (FailureKind.REJECTED, FailureKind.MODEL)  # of the library
GONE = "Not current: the volume this result is about is no longer in the scene."
DOUBTS = doubts(
    SUSPICIOUS.protocol, pancreas_voxels=3, tumor_voxels=0, removed_tumor_voxels=60, reaches_border=True
) + doubts(SUSPICIOUS.protocol, pancreas_voxels=0, tumor_voxels=0, removed_tumor_voxels=0, reaches_border=False)


def _without_units(text):
    for unit in ("mm3", "mm", "mL", " s", " min", " h"):
        text = text.replace(unit, "")
    return text


def test_no_sentence_of_the_list_is_code():
    for sentence in SENTENCES:
        assert not any(sign in sentence for sign in ("<", ">", "\\", "\n"))
