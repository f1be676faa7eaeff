"""Figures between two marks of a page that somebody wrote."""

from dataclasses import replace

import pytest
from made_experiment import CASES, ROWS, setting
from readings import reading

from PDACScreeningLib.evaluation.experiment import experiment
from PDACScreeningLib.evaluation.measured_block import BEGIN, END, has_block, short_table, with_block


def test_only_what_stands_between_the_marks_is_replaced():
    page = f"# Words\n\n{BEGIN}\nold\n{END}\n\nmore words\n"
    assert with_block(page, "new\n") == f"# Words\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore words\n"
    assert with_block(with_block(page, "a"), "b") == with_block(page, "b")


@pytest.mark.parametrize("page", ["no place", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_one_place_is_refused(page):
    assert not has_block(page)
    with pytest.raises(ValueError, match="no place"):
        with_block(page, "new")


def test_the_short_table_has_called_beside_called_and_overlapping():
    elsewhere = reading("p3", diameter_mm=40.0, voxels=90, score=0.9, tumor=0.05, fold=0, rows=ROWS)
    text = short_table(experiment(setting(), [*CASES, elsewhere]))
    (line,) = (line for line in text.splitlines() if line.startswith("| **all three**"))
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells[4].startswith("2/2")  # 30 and 40 mm, both called
    assert cells[5].startswith("1/2")  # one of them elsewhere
    assert cells[6].startswith("1/2")
    assert "Of the 1 tumors below 20 mm 0 were called" in text


def test_the_short_table_tells_what_a_reader_is_told():
    doubted = [replace(case, doubt="It leaves the scan." if case.case_id == CASES[1].case_id else "") for case in CASES]
    told = short_table(experiment(setting(), doubted))
    assert "Of 2 scans with a tumor 0 are told as not suspicious and 1 as not assessable, of 2 without" in told
    assert "not assessable" not in short_table(experiment(setting(), CASES))
