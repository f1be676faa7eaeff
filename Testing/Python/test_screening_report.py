"""The report says the right thing first, says it for every outcome, and says nothing it must not."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from sample_screenings import (
    ALL,
    DEMO_NOTICE,
    FINDINGS,
    INDETERMINATE,
    INPUT,
    MODEL,
    NOT_SUSPICIOUS,
    PERFORMANCE,
    REJECTED,
    SUSPICIOUS,
    sample_scan,
)

from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.report import key_images
from PDACScreeningLib.report.copied_sentence import copied_sentence
from PDACScreeningLib.report.screening_report import report_html, write_report
from PDACScreeningLib.report.viewer_scan import Evidence
from PDACScreeningLib.resources import resource
from PDACScreeningLib.screening_json import to_json
from PDACScreeningLib.screening_result import RESEARCH_NOTICE

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
VOID = {"br", "img", "input", "meta"}


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch):
    monkeypatch.setattr(key_images, "PIXELS", 64)


class Page(HTMLParser):
    """Tags, attributes, text and exact numbers of a page; refuses elements that do not nest."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text, self.numbers = [], [], [], "", []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "data":
            self.numbers.append(dict(attrs)["value"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


def page_of(screening, *, with_scan=False):
    ct, label_map = sample_scan() if with_scan else (None, None)
    return Page(report_html(screening, ct, Evidence(label_map)))


@pytest.mark.parametrize("screening", ALL, ids=lambda screening: screening.outcome)
def test_every_outcome_has_a_page_with_verdict_reason_and_notice(screening):
    text = page_of(screening).text
    assert screening.outcome.verdict in text
    assert screening.reason in text
    assert text.count(RESEARCH_NOTICE) == 2  # above and below, both stay in sight


@pytest.mark.parametrize("screening", ALL, ids=lambda screening: screening.outcome)
@pytest.mark.parametrize("with_scan", [False, True])
def test_every_outcome_nests_with_and_without_a_scan(screening, with_scan):
    page = page_of(screening, with_scan=with_scan)
    assert page.tags.count("h1") == 1
    assert ("img" in page.tags) == with_scan


def test_the_order_is_verdict_reason_notice_warnings_pictures_score_findings_scales_provenance():
    text = page_of(SUSPICIOUS, with_scan=True).text
    order = [
        "Suspicious region found",
        "1234 tumor voxels were found.",
        f"Model: {DEMO_NOTICE}",
        "Slices are 5 mm thick.",
        "Scroll the scan",
        "Key images",
        "0.92",
        "Finding 1",
        "Each network alone",
        "Where this answer comes from",
    ]
    body = text[text.index("PDAC screening report", 40) :]
    places = [body.index(words) for words in order]
    assert places == sorted(places)


def test_not_assessable_gives_the_reason_in_the_headline():
    html = report_html(INDETERMINATE, None, None)
    headline = re.search(r"<h1>(.*?)</h1>", html).group(1)
    assert re.sub("<.*?>", "", headline) == "Not assessable: The coarse scan found no pancreas."


def test_numbers_are_those_of_the_json():
    numbers = page_of(SUSPICIOUS).numbers
    plain = to_json(SUSPICIOUS)
    for key in ("score", "tumor_voxels", "tumor_volume_mm3", "pancreas_volume_mm3", "mean_tumor_probability"):
        assert repr(plain[key]) in numbers, key
    for finding in plain["findings"]:
        for key in ("longest_diameter_mm", "volume_mm3", "mean_hu", "mean_tumor_probability", "voxels"):
            assert repr(finding[key]) in numbers, key
    for scale in plain["scales"]:
        for key in ("tumor_voxels", "mean_tumor_probability", "windows"):
            assert repr(scale[key]) in numbers, key
        assert repr(scale["tumor_voxels"] * 10.0) in numbers  # a voxel of the working grid is 2 x 2 x 2.5 mm
    for seconds in plain["timings_s"].values():
        assert repr(seconds) in numbers


def test_the_rule_is_stated_with_both_sides_in_voxels_and_volume():
    text = page_of(SUSPICIOUS).text.replace("\u00a0", " ").replace("\u202f", " ")
    assert "Found: 1 234 tumor voxels = 12.3 mL (12 340 mm³)." in text
    assert "suspicious from K = 50 voxels = 0.50 mL (500 mm³), a ball of 10 mm: no smaller tumor is called." in text
    assert "This is reached." in text
    assert "This is not reached" in page_of(NOT_SUSPICIOUS).text


def test_each_network_says_what_it_would_say_alone():
    text = page_of(SUSPICIOUS).text
    assert "2 of 3 networks alone call a tumor; not the 16^3." in text
    assert text.count("not suspicious") == 1  # the 16^3 network with 33 voxels


def test_the_score_is_never_a_probability_of_cancer():
    for screening in ALL:
        text = page_of(screening, with_scan=True).text
        assert "%" not in text
        assert not re.search(r"\bnormal\b|healthy|benign|no cancer|negative", text, re.IGNORECASE)
    assert "It is not a probability of cancer." in page_of(SUSPICIOUS).text


def test_no_tumor_is_said_in_words_and_excludes_nothing():
    text = page_of(NOT_SUSPICIOUS).text
    assert "does not exclude cancer" in text.split("No tumor voxel was found.")[0]  # beside the verdict
    assert "No voxel was marked as tumor. This does not exclude cancer" in text


def test_performance_is_stated_or_unknown():
    assert PERFORMANCE in page_of(SUSPICIOUS).text
    silent = replace(SUSPICIOUS, model=replace(MODEL, performance="", notice=""))
    assert "Measured performance of this modelunknown" in page_of(silent).text
    assert DEMO_NOTICE not in page_of(silent).text


def hostile(screening):
    """The same screening with markup in every text."""
    return replace(
        screening,
        label=HOSTILE,
        reason=HOSTILE,
        warnings=(HOSTILE,),
        notice=HOSTILE,
        model=replace(
            MODEL, name=HOSTILE, trained_on=HOSTILE, notice=HOSTILE, chosen_because=HOSTILE, performance=HOSTILE
        ),
        input=replace(INPUT, kind=HOSTILE, identifiers={HOSTILE: HOSTILE}),
        protocol=replace(SUSPICIOUS.protocol, name=HOSTILE),
        provenance=replace(SUSPICIOUS.provenance, software=HOSTILE, device=HOSTILE, versions={HOSTILE: HOSTILE}),
        timings_s={HOSTILE: 1.0},
    )


@pytest.mark.parametrize("screening", [SUSPICIOUS, INDETERMINATE])
def test_no_text_becomes_markup(screening):
    page = page_of(hostile(screening), with_scan=True)
    assert page.tags.count("script") == 4  # three of data and ours
    assert page.tags.count("img") == page_of(screening, with_scan=True).tags.count("img")
    assert page.text.count(HOSTILE) >= 10
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_nothing_is_loaded_from_anywhere():
    ct, labels = sample_scan()
    html = report_html(SUSPICIOUS, ct, Evidence(labels))
    page = Page(html)
    assert not {"link", "iframe", "object", "a", "form", "base"} & set(page.tags)
    assert all(value.startswith("data:image/png;base64,") for name, value in page.attributes if name == "src")
    assert not re.search(r"https?:|@import|url\(|fetch\(|import\(", re.sub('base64,[^"]*', "", html))
    assert ("src", "") not in page.attributes


def test_the_page_allows_its_own_script_and_no_other():
    ct, labels = sample_scan()
    html = report_html(SUSPICIOUS, ct, Evidence(labels))
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    policy = re.search('Content-Security-Policy" content="(.*?)"', html).group(1).replace("&#x27;", "'")
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert "script-src" not in report_html(REJECTED, None)


def test_identifiers_appear_only_when_the_screening_carries_them():
    asked_for = replace(SUSPICIOUS, input=replace(INPUT, identifiers={"PatientName": "Doe^Jane"}))
    assert "Doe^Jane" in page_of(asked_for).text
    assert "included on request" in page_of(asked_for).text
    for screening in ALL:
        assert "Patient and study" not in page_of(screening).text


def test_pictures_have_words_and_outlines_can_be_taken_away():
    page = page_of(SUSPICIOUS, with_scan=True)
    alternatives = [value for name, value in page.attributes if name == "alt"]
    assert sum(value.startswith(("Axial", "Coronal", "Sagittal")) for value in alternatives) == 7
    assert sum(value == "" for value in alternatives) == 7  # the outlines lie over a picture that has words
    assert ("id", "show-outlines") in page.attributes
    assert "#show-outlines:not(:checked) ~ .figures .outlines { display: none; }" in style()
    assert "Pancreas (thin line)" in page.text
    assert "Tumor (thick line)" in page.text


def test_findings_are_listed_largest_first_with_their_place():
    text = page_of(SUSPICIOUS).text.replace("\u00a0", " ")
    assert text.index("L 5.5, A 1.0, S 131.0 mm") < text.index("R 12.0, P 3.0, S 121.0 mm")
    assert len(FINDINGS) == 2
    assert "Not assessed:" in text


def test_the_page_is_written_as_one_file(tmp_path):
    path = write_report(REJECTED, None, None, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>\n<html lang")
    assert list(tmp_path.iterdir()) == [path]


def test_the_verdict_is_no_color_and_no_green():
    for outcome in Outcome:
        assert f".{outcome.lower().replace('_', '-')}" in style()
    assert "green" not in style()
    assert "\u2713" not in style()


def style():
    return resource("report/style.css").read_text(encoding="utf-8")


def themes():
    """Color variables of the light, the dark and the printed page."""
    blocks = re.findall(r":root \{(.*?)\}", style(), re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in blocks]
    return {"light": found[0], "dark": found[0] | found[1], "print": found[0] | found[2]}


def luminance(color):
    digits = color.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = [value / 255 for value in bytes.fromhex(digits)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "page"),
        ("ink", "card"),
        ("quiet", "page"),
        ("quiet", "card"),
        ("alert", "alert-ground"),
        ("ink", "alert-ground"),
        ("ink", "notice-ground"),
        ("bar-ink", "bar-ground"),
    ],
)
def test_text_stands_out_from_its_ground(theme, ink, ground):
    colors = themes()[theme]
    assert contrast(colors[ink], colors[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("line", ["pancreas", "tumor"])
def test_colored_lines_stand_out_from_the_card(theme, line):
    colors = themes()[theme]
    assert contrast(colors[line], colors["card"]) >= 3


@pytest.mark.parametrize("screening", [SUSPICIOUS, REJECTED, INDETERMINATE], ids=lambda one: one.outcome)
def test_two_reports_are_told_apart_by_label_in_title_page_and_print_and_without_one_by_their_time(screening):
    html = report_html(replace(screening, label="case 7"), None)
    page = Page(html)
    assert re.search("<title>(.*?)</title>", html).group(1).startswith("case 7: ")
    assert page.text.count("case 7") == 4  # title, both bars, which are printed, and the heading
    assert "scan without a label, screened 2026-11-23 19:00 UTC" in page_of(screening).text


def test_a_sentence_to_copy_has_size_density_slice_software_and_what_was_not_assessed():
    sentence = copied_sentence(SUSPICIOUS)
    for words in ("31 mm", "mean 42 HU", "slice", "1 more", "demo-phantom", "not assessed", RESEARCH_NOTICE):
        assert words in sentence
    assert "does not exclude cancer" in copied_sentence(NOT_SUSPICIOUS)
    assert "could not assess" in copied_sentence(INDETERMINATE)
