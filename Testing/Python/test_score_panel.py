"""What the panel of the Slicer module says, string by string."""

from dataclasses import replace

import pytest
from sample_screenings import ALL, FINDINGS, MODEL, NOT_SUSPICIOUS, REJECTED, SUSPICIOUS, WITH_VESSELS

from PDACScreeningLib.report.score_panel import FINDING_COLUMNS, finding_rows, score_panel


def all_text(panel):
    return " ".join(str(value) for value in vars(panel).values())


def test_the_tumor_stands_beside_the_rule_in_milliliters_and_nowhere_in_voxels():
    panel = score_panel(SUSPICIOUS, "CT")
    assert panel.rule == (
        "Tumor: 12.3 mL (11.7 mL on the scan's own grid), mean tumor probability 0.881. "
        "Rule: 0.50 mL or more are called suspicious."
    )
    assert "voxel" not in all_text(panel)


def test_without_tumor_there_is_no_mean_probability():
    assert score_panel(NOT_SUSPICIOUS, "CT").rule.startswith("Tumor: 0.00 mL. Rule")


def test_the_score_denies_being_a_probability_of_cancer():
    text = score_panel(SUSPICIOUS, "CT").score
    assert text.startswith("Score 0.921")
    assert "not a probability of cancer" in text


@pytest.mark.parametrize("screening", ALL, ids=lambda screening: screening.outcome)
def test_nothing_reads_as_a_percentage_or_as_an_all_clear(screening):
    text = all_text(score_panel(screening, "CT")).lower()
    for forbidden in ("%", "normal patient", "no cancer", "healthy", "\N{CHECK MARK}", "\N{WHITE HEAVY CHECK MARK}"):
        assert forbidden not in text
    assert "research use only" in text


def test_each_network_says_what_it_would_say_alone():
    assert score_panel(SUSPICIOUS, "CT").scales == (
        "Each network alone:",
        "64^3: 13.0 mL, suspicious",
        "32^3: 14.0 mL, suspicious",
        "16^3: 0.33 mL, not suspicious",
    )


def test_vessels_and_ducts_are_told_with_what_was_not_looked_at_and_without_a_stage():
    panel = score_panel(WITH_VESSELS, "CT")
    assert panel.anatomy == (
        "Vessels and ducts, measured on their outlines; no stage:",
        "Veins: 4.20 mL, contact with tumor 18.0 mm, at most 120 degrees on a slice",
        "Arteries: 2.10 mL, no contact with tumor",
        "Pancreatic duct: 0.31 mL, largest caliber 4.2 mm",
        "Common bile duct: not looked at",
    )
    assert "\n".join(panel.anatomy) in panel.details


def test_a_model_that_sees_no_vessels_says_so_and_a_refusal_says_nothing_of_them():
    assert score_panel(SUSPICIOUS, "CT").anatomy == ("Vessels and ducts: not looked at.",)
    assert score_panel(REJECTED, "CT").anatomy == ()


def test_a_demo_model_is_named_as_such_even_without_a_notice():
    assert score_panel(SUSPICIOUS, "CT").demo == "Demo model, trained on synthetic phantoms only."
    assert score_panel(replace(SUSPICIOUS, model=replace(MODEL, notice="")), "CT").demo == "Demo model."
    assert score_panel(replace(SUSPICIOUS, model=replace(MODEL, notice="", is_demo=False)), "CT").demo == ""


def test_unknown_performance_is_said_to_be_unknown():
    assert (
        "measured performance: unknown."
        in score_panel(replace(SUSPICIOUS, model=replace(MODEL, performance="")), "CT").model
    )


def test_volume_and_time_are_named():
    assert score_panel(SUSPICIOUS, "Case 7").source == (
        "Volume Case 7, screened 2026-11-23 19:00 UTC with PDACScreening 0.1.0 on cpu, exact protocol."
    )


def test_what_a_rejected_scan_does_not_know_is_empty():
    panel = score_panel(REJECTED, "CT")
    assert (panel.score, panel.rule, panel.scales, panel.model, panel.demo) == ("", "", (), "", "")


def test_a_finding_is_one_row_with_units_in_the_head():
    rows = finding_rows(SUSPICIOUS)
    assert len(rows) == len(FINDINGS)
    assert rows[1] == ("2", "13", "1.26", "9 of 24", "", "0.64", "-4", "")
    assert all(len(row) == len(FINDING_COLUMNS) for row in rows)


def test_a_region_that_the_rule_leaves_out_says_so():
    small = replace(NOT_SUSPICIOUS, findings=FINDINGS[1:])
    assert finding_rows(small)[0][-1] == "too small for the rule"


def test_a_region_that_the_component_rule_left_out_is_a_row_and_says_so():
    beside = replace(SUSPICIOUS, findings=(FINDINGS[0], replace(FINDINGS[1], left_out=True)))
    assert [row[-1] for row in finding_rows(beside)] == ["", "left out by the component rule"]


def test_the_number_of_the_image_stands_beside_the_slice():
    numbered = replace(SUSPICIOUS, findings=(replace(FINDINGS[0], image_number=46),))
    assert finding_rows(numbered)[0][3:5] == ("13 of 24", "46")


def test_details_hold_everything_else_once():
    panel = score_panel(SUSPICIOUS, "CT")
    for text in (panel.rule, panel.score, *panel.scales, panel.model, panel.source):
        assert panel.details.count(text) == 1
