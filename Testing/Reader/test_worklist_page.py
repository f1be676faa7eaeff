"""The worklist in a browser: every order and filter, and keys that mean letters where something is typed."""

from dataclasses import replace

import pytest
from reading_cases import LARGE, result, room_of, scan
from sample_screenings import FINDINGS, NOT_SUSPICIOUS, REJECTED, SUSPICIOUS
from test_room_pages import order, served

from PDACScreeningLib.screening_json import write_screening

SAID = {
    "case 10": replace(SUSPICIOUS, score=0.6, findings=(replace(FINDINGS[0], longest_diameter_mm=20.0),), warnings=()),
    "case 9": replace(SUSPICIOUS, score=0.7, findings=(replace(FINDINGS[0], longest_diameter_mm=50.0),)),
    "case 8": replace(NOT_SUSPICIOUS, warnings=("Slices are 5 mm thick.",)),
    "case 7": REJECTED,
}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    root = tmp_path_factory.mktemp("worklist")
    for number, (label, screening) in enumerate(SAID.items()):
        write_screening(replace(screening, label=label), root / "results" / f"r{number}" / "screening.json")
    path = scan(root / "scans", 0)
    result(root / "results" / "real", path, LARGE, label="case 11")
    with served(room_of(root / "results", path, keep_in=root / "own")) as found:
        yield found


def titles(order_of):
    return [["choose", "#order", order_of], ["texts", "#worklist tbody th"]]


def test_each_order_is_the_one_that_it_says(room, looked):
    """A scan without a score or a finding comes after one whose score is 0."""
    [answer] = looked(
        [order(room, "/", steps=[s for name in ("case", "score", "mm", "warnings") for s in titles(name)])]
    )
    by_name, by_score, by_size, by_warnings = answer["steps"]
    assert by_name == ["case 7", "case 8", "case 9", "case 10", "case 11"]
    assert by_score[-2:] == ["case 8", "case 7"]
    assert by_score.index("case 9") < by_score.index("case 10")
    assert by_size[:2] == ["case 9", "case 10"]
    assert by_warnings.index("case 9") < by_warnings.index("case 8") < by_warnings.index("case 10")


def test_a_case_that_was_read_is_filtered_and_sorted_by_its_state(room, looked):
    read = [["choose", "main [name=state]", "read"], ["go", "form[action$=note] button"]]
    looked([order(room, "/case/real", steps=read)])
    steps = [
        *titles("state"),
        ["choose", "#state", "read"],
        ["texts", "#shown"],
        ["choose", "#state", "open"],
        ["texts", "#shown"],
    ]
    [answer] = looked([order(room, "/", steps=steps)])
    by_state, read, still_open = answer["steps"]
    assert by_state[-1] == "case 11"  # "open" before "read"
    assert (read, still_open) == (["1 of 5 shown"], ["4 of 5 shown"])


def test_a_letter_that_is_typed_is_a_letter(room, looked):
    typing = [["click", "#find"], ["press", "j"], ["pause", 300], ["typed", "#find"], ["focused"]]
    noting = [["click", "textarea"], ["press", "j"], ["press", "k"], ["pause", 500], ["typed", "textarea"], ["address"]]
    listed, case = looked([order(room, "/", steps=typing), order(room, "/case/real", steps=noting)])
    assert listed["steps"] == ["j", ""]
    assert case["steps"] == ["jk", "/case/real"]
