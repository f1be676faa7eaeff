"""The reading room asked like a browser asks: the worklist, notes, a comparison, and what stays as it is."""

import csv
import io
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from reading_cases import LARGE, SMALL, answer, open_room, result, room_of
from sample_screenings import FAILED, INDETERMINATE, NOT_SUSPICIOUS, REJECTED, SUSPICIOUS

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.screening_json import write_screening
from PDACScreeningLib.session.stored_result import read_result

HOSTILE = "</script><img src=x onerror=window.broke=1><script>window.broke=1</script>"


def test_the_list_has_every_scan_those_not_assessed_first_and_the_counts_add_up(room_browser):
    page = room_browser.get("/").decode()
    assert re.findall(r'data-outcome="([^"]+)"', page) == ["REJECTED", "SUSPICIOUS", "NOT_SUSPICIOUS"]
    assert "3 scans: 1 REJECTED, 1 SUSPICIOUS, 1 NOT_SUSPICIOUS. 0 read." in page
    assert "case one" in page
    assert "3 of 3 networks alone call a tumor" in page


def test_note_and_state_are_kept_and_shown_as_text(room_browser):
    form = {"state": "to discuss", "note": HOSTILE}
    assert room_browser.ask("/case/scan-001/note", form)[0] == 303
    for path in ("/", "/case/scan-001"):
        page = room_browser.get(path).decode()
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror" in page
    assert 'data-state="to discuss"' in room_browser.get("/").decode()


def test_the_newest_note_counts_and_the_older_ones_stay(room_study, tmp_path):
    place, scans = room_study
    room = room_of(place, *scans, keep_in=tmp_path)
    with open_room(room) as browser:
        for note in ("first", "second"):
            browser.ask("/case/scan-001/note", {"state": "read", "note": note})
        assert "second" in browser.get("/").decode()
    assert [entry.content["note"] for entry in room.log.entries("note")] == ["first", "second"]


@pytest.mark.parametrize("form", [{"state": "wrong", "note": ""}, {"state": "read", "note": "x" * 2001}, {}])
def test_a_note_that_is_none_is_not_stored(room_browser, form):
    assert room_browser.ask("/case/scan-001/note", form)[0] == 400


def test_the_table_for_a_spreadsheet_holds_no_formula(room_browser):
    room_browser.ask("/case/scan-001/note", {"state": "read", "note": "=1+1"})
    [_, first, *_] = rows = list(csv.reader(io.StringIO(room_browser.get("/worklist.csv").decode())))
    named = dict(zip(rows[0], next(row for row in rows if row[0] == "scan-001"), strict=True))
    assert named["my_note"] == "'=1+1"
    assert (named["label"], named["outcome"], named["my_state"]) == ("case one", "SUSPICIOUS", "read")
    assert first[2] == "REJECTED"


def test_the_picture_is_the_close_up_of_the_report(room_browser):
    assert room_browser.get("/case/scan-001/picture").startswith(b"\x89PNG")
    assert room_browser.ask("/case/scan-003/picture")[0] == 409  # a rejected scan has none


def test_five_hundred_cases_take_less_than_two_seconds_of_the_processor(tmp_path):
    kinds = (SUSPICIOUS, NOT_SUSPICIOUS, INDETERMINATE, REJECTED, FAILED)
    for number in range(500):
        screening = replace(kinds[number % 5], label=f"case {number}")
        write_screening(screening, tmp_path / "results" / f"scan-{number:03}" / "screening.json")
    before = time.process_time()
    page = room_of(tmp_path / "results", keep_in=tmp_path / "own")
    with open_room(page) as browser:
        text = browser.get("/").decode()
    assert time.process_time() - before < 2
    assert text.count("<tr data-") == 500
    assert "500 scans: 100 REJECTED, 100 FAILED, 100 INDETERMINATE, 100 SUSPICIOUS, 100 NOT_SUSPICIOUS." in text


def test_a_damaged_result_is_named_and_never_among_the_negatives(room_study, tmp_path):
    result(tmp_path / "r" / "a", room_study[1][1])
    (tmp_path / "r" / "a" / "screening.json").write_text("{}")
    with open_room(room_of(tmp_path / "r", keep_in=tmp_path / "own")) as browser:
        page = browser.get("/").decode()
        assert re.findall(r'data-outcome="([^"]+)"', page) == ["DAMAGED"]
        assert "cannot be read" in browser.get("/case/a").decode()


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no result"):
        room_of(tmp_path)


def test_two_results_are_compared_by_the_function_of_the_panel(room_study, tmp_path):
    path = room_study[1][0]
    result(tmp_path / "r" / "before", path, SMALL)
    result(tmp_path / "r" / "after", path, LARGE, SMALL)
    with open_room(room_of(tmp_path / "r", path, keep_in=tmp_path / "own")) as browser:
        status, headers, _ = browser.ask("/case/after/prior", {"before": "before"})
        page = browser.get(headers["Location"]).decode()
    assert "Whether both scans are of one patient is for you to know" in page
    assert "new: " in page
    assert "+0 mm, +0.00 mL" in page


def test_readers_do_not_see_each_other(room_study, tmp_path):
    place, scans = room_study
    with open_room(room_of(place, *scans, reader="r1", keep_in=tmp_path)) as browser:
        browser.ask("/case/scan-001/note", {"state": "read", "note": "mine alone"})
    with open_room(room_of(place, *scans, reader="r2", keep_in=tmp_path)) as browser:
        assert "mine alone" not in browser.get("/").decode()


def test_a_read_only_result_folder_is_read(room_study, tmp_path):
    """As another user would have it: nothing is opened for writing in it."""
    place, scans = room_study
    before = {path: path.stat().st_mtime_ns for path in Path(place).rglob("*")}
    with open_room(room_of(place, *scans, keep_in=tmp_path)) as browser:
        browser.get("/case/scan-001")
        browser.ask("/case/scan-001/note", {"state": "read", "note": ""})
    assert {path: path.stat().st_mtime_ns for path in Path(place).rglob("*")} == before


def test_an_answer_in_memory_and_a_stored_one_are_the_same(room_study):
    """What the helper of these tests makes is what the library reads back."""
    assert answer(room_study[1][1]).screening.outcome == read_result(room_study[0] / "scan-002").screening.outcome
