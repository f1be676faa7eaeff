"""A score stands beside those of the scans that the model was measured on."""

from dataclasses import replace

import pytest
from sample_screenings import MODEL, NOT_SUSPICIOUS, REJECTED, SUSPICIOUS

from PDACScreeningLib.report.score_rank import score_rank
from PDACScreeningLib.report.screening_report import report_html

KNOWN = replace(MODEL, scores_with=(0.2, 0.921, 0.97), scores_without=(0.0, 0.1, 0.3, 0.95))


def test_a_score_is_ranked_among_both_kinds_and_an_equal_one_is_not_below_it():
    said = score_rank(replace(SUSPICIOUS, model=KNOWN))
    assert said == "Higher than 3 of 4 scans without and 1 of 3 with a tumor that the model was measured on."
    assert said in report_html(replace(SUSPICIOUS, model=KNOWN), None)


def test_the_lowest_score_is_higher_than_none():
    assert score_rank(replace(NOT_SUSPICIOUS, model=KNOWN)).startswith("Higher than 0 of 4 scans without and 0 of 3")


@pytest.mark.parametrize(
    "screening",
    [
        SUSPICIOUS,  # of a model that does not tell its scores
        REJECTED,
        replace(SUSPICIOUS, model=KNOWN, score=None),
        replace(SUSPICIOUS, model=replace(KNOWN, scores_with=())),
    ],
)
def test_without_scores_there_is_no_rank(screening):
    assert score_rank(screening) == ""
    assert "Higher than" not in report_html(screening, None)
