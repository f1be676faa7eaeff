"""Two results of one patient: which regions are the same, and how they changed."""

from dataclasses import replace

import pytest
from sample_screenings import FINDINGS, SUSPICIOUS

from PDACScreeningLib.report.prior_comparison import change_sentence, compare_findings

LARGE, SMALL = FINDINGS


def moved(finding, by_mm, **changed):
    x, y, z = finding.centroid_lps_mm
    return replace(finding, centroid_lps_mm=(x + by_mm, y, z), **changed)


def with_findings(*findings):
    return replace(SUSPICIOUS, findings=findings)


def test_regions_are_paired_by_place_not_by_number():
    grown = moved(SMALL, 5, number=1, native_volume_mm3=20000.0, longest_diameter_mm=40.0)
    same = moved(LARGE, 5, number=2)
    first, second = compare_findings(SUSPICIOUS, with_findings(grown, same))
    assert (first.before, first.after) == (SMALL, grown)
    assert (second.before, second.after) == (LARGE, same)
    assert (first.volume_change_mm3, first.diameter_change_mm) == (20000.0 - SMALL.native_volume_mm3, 27.25)
    assert (second.volume_change_mm3, second.diameter_change_mm) == (0.0, 0.0)


def test_a_region_far_from_every_other_is_new_and_the_other_is_gone():
    far = moved(LARGE, 200)
    new, gone = compare_findings(with_findings(LARGE), with_findings(far))
    assert (new.before, new.after, gone.before, gone.after) == (None, far, LARGE, None)
    assert (new.volume_change_mm3, gone.diameter_change_mm) == (None, None)


def test_another_zero_of_the_scanner_is_taken_out_by_the_shift():
    far = moved(LARGE, 200)
    (change,) = compare_findings(with_findings(LARGE), with_findings(far), shift_lps_mm=(195.0, 0.0, 0.0))
    assert (change.before, change.after) == (LARGE, far)


def test_a_pair_that_is_too_far_apart_does_not_push_a_near_one_aside():
    near, far = moved(SMALL, 2), moved(LARGE, 500)
    changes = compare_findings(SUSPICIOUS, with_findings(far, near))
    assert [(change.before, change.after) for change in changes] == [(None, far), (SMALL, near), (LARGE, None)]


def test_without_findings_there_is_nothing_to_compare():
    assert compare_findings(with_findings(), with_findings()) == ()


def test_the_sentence_tells_both_sizes_and_the_growth():
    grown = replace(LARGE, native_volume_mm3=13000.0, longest_diameter_mm=35.25)
    (change,) = compare_findings(with_findings(LARGE), with_findings(grown))
    assert change_sentence(change) == "31 mm (10.4 mL) -> 35 mm (13.0 mL): +4 mm, +2.60 mL"
    assert change_sentence(replace(change, before=None)) == "new: 35 mm (13.0 mL)"
    assert change_sentence(replace(change, after=None)) == "no longer marked: was 31 mm (10.4 mL)"
    with pytest.raises(ValueError, match="before or after"):
        change_sentence(replace(change, before=None, after=None))


@pytest.mark.parametrize(("by_mm", "is_same"), [(29.9, True), (30.1, False)])
def test_a_region_is_the_same_up_to_thirty_millimeters(by_mm, is_same):
    first, *_ = compare_findings(with_findings(LARGE), with_findings(moved(LARGE, by_mm)))
    assert (first.before == LARGE) == is_same
