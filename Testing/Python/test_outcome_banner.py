"""The banner: what a reader sees in two seconds."""

from dataclasses import replace

import pytest
from sample_screenings import ALL, FINDINGS, INDETERMINATE, NOT_SUSPICIOUS, REJECTED, SUSPICIOUS

from PDACScreeningLib.report.outcome_banner import (
    Tone,
    image_of,
    not_current_banner,
    outcome_banner,
    slice_of,
    stale_banner,
)
from PDACScreeningLib.resources import resource


def test_the_largest_finding_its_slice_the_agreement_and_the_warnings_stand_in_one_line():
    banner = outcome_banner(SUSPICIOUS)
    assert (banner.tone, banner.headline) == (Tone.SUSPICIOUS, "Suspicious region found")
    assert banner.line == (
        "Largest finding 31 mm (10.4 mL), slice 13 of 24. "
        "2 of 3 networks alone call a tumor; not the 16^3. 2 warnings below"
    )


def test_the_slice_is_where_a_person_scrolls_to():
    assert slice_of(FINDINGS[0], SUSPICIOUS.input) == "slice 13 of 24"  # (130 - 100) / 2.5 = 12, counted from 1
    assert slice_of(FINDINGS[0], None) == ""


def test_a_dicom_scan_is_told_by_series_and_image_number_too():
    numbered = replace(
        SUSPICIOUS,
        findings=(replace(FINDINGS[0], image_number=46),),
        input=replace(SUSPICIOUS.input, series_number=3),
    )
    assert outcome_banner(numbered).line.startswith("Finding 31 mm (10.4 mL), slice 13 of 24, series 3 image 46. ")
    assert image_of(numbered.findings[0], None) == "image 46"
    assert image_of(FINDINGS[0], SUSPICIOUS.input) == ""


def test_a_region_that_was_left_out_is_not_called_the_finding():
    only = replace(NOT_SUSPICIOUS, findings=(replace(FINDINGS[1], left_out=True),))
    assert outcome_banner(only).line.startswith("Only regions that the component rule left out; the largest: 13 mm")
    beside = replace(SUSPICIOUS, findings=(FINDINGS[0], replace(FINDINGS[1], left_out=True)))
    assert outcome_banner(beside).line.startswith("Finding 31 mm")


def test_what_was_not_assessed_has_its_own_banner_with_the_reason():
    for screening in (INDETERMINATE, REJECTED):
        assert outcome_banner(screening).tone is Tone.NOT_ASSESSABLE
    assert outcome_banner(INDETERMINATE).headline == "Not assessable: The coarse scan found no pancreas."


def test_no_finding_says_nothing_about_a_size_and_does_not_exclude_cancer():
    banner = outcome_banner(replace(NOT_SUSPICIOUS, findings=(), warnings=()))
    assert banner.tone is Tone.NOT_SUSPICIOUS
    assert "does not exclude cancer" in banner.headline
    assert "mm" not in banner.line


def test_a_region_below_the_rule_is_named_as_such():
    line = outcome_banner(replace(NOT_SUSPICIOUS, findings=FINDINGS[1:])).line
    assert line.startswith("Largest region, too small for the rule: 13 mm")


def test_an_edit_takes_the_verdict_out_of_the_headline():
    banner = stale_banner(SUSPICIOUS)
    assert banner.tone is Tone.STALE
    assert SUSPICIOUS.outcome.verdict not in banner.headline


def test_a_result_of_another_image_says_nothing_but_why():
    banner = not_current_banner("Not current: the volume this result is about is no longer in the scene.")
    assert (banner.tone, banner.headline) == (Tone.NOT_CURRENT, "Not current")
    assert banner.line.startswith("the volume")


@pytest.mark.parametrize("screening", ALL, ids=lambda screening: screening.outcome)
def test_no_banner_counts_voxels_or_reads_as_an_all_clear(screening):
    banner = outcome_banner(screening)
    said = f"{banner.headline} {banner.line}".lower()
    for forbidden in ("voxel", "%", "no cancer", "healthy", "normal"):
        assert forbidden not in said


def luminance(color):
    """Relative luminance of WCAG 2."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("tone", Tone)
def test_letters_stand_out_from_their_ground(tone):
    darker, lighter = sorted(map(luminance, (tone.text_color, tone.ground_color)))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_every_kind_has_an_icon_of_its_own_and_no_two_grounds_are_alike():
    pictures = [resource(tone.icon).read_bytes() for tone in Tone]
    assert len(set(pictures)) == len({tone.ground_color for tone in Tone}) == len(Tone)
