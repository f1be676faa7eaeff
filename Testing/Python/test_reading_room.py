"""The reading room asked like a browser asks: who is let in, what is shown, what is stored, and what stays as it is."""

import csv
import io
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from reading_cases import LARGE, SMALL, Browser, answer, open_room, result, scan
from sample_screenings import FAILED, INDETERMINATE, NOT_SUSPICIOUS, REJECTED, SUSPICIOUS

from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.plan import Settings
from PDACScreeningLib.cohort.planning import plan_cohort
from PDACScreeningLib.cohort.scan_search import FoundScan, search_scans
from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import ResultError, UsageError
from PDACScreeningLib.inference.rescoring import rescore
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.reading_room.case_list import CaseList
from PDACScreeningLib.reading_room.exchange import Response
from PDACScreeningLib.reading_room.opened_case import OpenCases
from PDACScreeningLib.reading_room.reader_log import About, ReaderLog, SaidAlready
from PDACScreeningLib.reading_room.room import ReadingRoom
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.reading_room.server import RoomServer
from PDACScreeningLib.report.viewer_scan import HU_A_STEP, LOWEST_HU
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.screening_json import write_screening
from PDACScreeningLib.session.stored_result import read_parts, read_result
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

HOSTILE = "</script><img src=x onerror=window.broke=1><script>window.broke=1</script>"


def room_of(place, *scans, reader="r1", keep_in=None):
    keep_in = keep_in or place / "reading"
    found = [FoundScan(path) for path in scans]
    return ReadingRoom(
        CaseList(place, keep_in), ReaderLog(keep_in / "reading.sqlite", reader), OpenCases(ScanFinder(found)), keep_in
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two scans, one with two findings and one with none, and a rejected one; made once, never written to."""
    root = tmp_path_factory.mktemp("study")
    scans = [scan(root / "scans", number) for number in (0, 1)]
    result(root / "results" / "scan-001", scans[0], LARGE, SMALL, label="case one", networks=True)
    result(root / "results" / "scan-002", scans[1])
    write_screening(REJECTED, root / "results" / "scan-003" / "screening.json")
    return root / "results", scans


@pytest.fixture
def browser(study, tmp_path):
    place, scans = study
    with open_room(room_of(place, *scans, keep_in=tmp_path)) as found:
        yield found


# --- the door


@pytest.fixture
def bare():
    """A server with one page, and nobody in it yet."""
    import threading

    server = RoomServer(lambda request: Response(200, b"in"))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_nobody_is_let_in_without_the_key(bare):
    port = bare.server_port
    for path in ("/", "/enter/wrong", "/enter/", f"/?token={bare.key}"):
        assert Browser(port).ask(path)[0] == 403
    assert Browser(port, f"{bare.cookie}=wrong").ask("/")[0] == 403


def test_the_key_is_good_once_and_the_browser_that_brought_it_stays_in(bare):
    entrance = bare.entrance
    browser = Browser(bare.server_port).enter(entrance)
    assert browser.get("/") == b"in"
    assert browser.ask("/enter/" + entrance.rpartition("/")[2])[0] == 303  # the same browser again
    assert Browser(bare.server_port).ask("/enter/" + entrance.rpartition("/")[2])[0] == 403


def test_the_cookie_is_no_scripts_and_no_other_sites(bare):
    _, headers, _ = Browser(bare.server_port).ask("/enter/" + bare.entrance.rpartition("/")[2])
    assert {"HttpOnly", "SameSite=Strict"} <= set(headers["Set-Cookie"].split("; "))


@pytest.mark.parametrize(
    "foreign",
    [{"Host": "evil.example:80"}, {"Host": "127.0.0.1"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
)
@pytest.mark.parametrize("form", [None, {"a": "b"}])
def test_a_foreign_name_or_page_is_refused_whatever_it_knows(bare, foreign, form):
    browser = Browser(bare.server_port).enter(bare.entrance)
    assert browser.ask("/", form, headers=foreign)[0] == 403


def test_the_key_does_not_open_under_a_foreign_name(bare):
    path = "/enter/" + bare.entrance.rpartition("/")[2]
    assert Browser(bare.server_port).ask(path, headers={"Host": "evil.example:80"})[0] == 403
    Browser(bare.server_port).enter(bare.entrance)  # it is still good


def test_what_is_sent_must_say_where_it_comes_from(bare):
    browser = Browser(bare.server_port).enter(bare.entrance)
    assert browser.ask("/", method="POST", headers={"Content-Length": "0"})[0] == 403


def test_a_form_without_end_is_not_read(bare):
    browser = Browser(bare.server_port).enter(bare.entrance)
    assert browser.ask("/", {"a": "b"}, headers={"Content-Length": str(10**9)})[0] == 413


def test_every_answer_forbids_to_keep_to_frame_and_to_guess(browser):
    for path in ("/", "/case/scan-001", "/case/scan-001/picture", "/case/scan-001/voxels/gray/0", "/nowhere"):
        _, headers, _ = browser.ask(path)
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe-inline" not in headers["Content-Security-Policy"].partition("script-src")[2]


@pytest.mark.parametrize(
    "path",
    ["/case/..%2f..%2fetc%2fpasswd", "/case/scan-001/../../x", "/case/scan-001/voxels/gray/99", "/case/scan-009",
     "/case/scan-001/voxels/..%2fscreening.json/0", "/case/scan-001/voxels/gray/-1", "/case/%00", "/reading.sqlite"],
)  # fmt: skip
def test_there_is_nothing_but_the_pages(browser, path):
    assert browser.ask(path)[0] == 404


# --- the worklist


def test_the_list_has_every_scan_those_not_assessed_first_and_the_counts_add_up(browser):
    page = browser.get("/").decode()
    assert re.findall(r'data-outcome="([^"]+)"', page) == ["REJECTED", "SUSPICIOUS", "NOT_SUSPICIOUS"]
    assert "3 scans: 1 REJECTED, 1 SUSPICIOUS, 1 NOT_SUSPICIOUS. 0 read." in page
    assert "case one" in page
    assert "3 of 3 networks alone call a tumor" in page


def test_note_and_state_are_kept_and_shown_as_text(browser):
    form = {"state": "to discuss", "note": HOSTILE}
    assert browser.ask("/case/scan-001/note", form)[0] == 303
    for path in ("/", "/case/scan-001"):
        page = browser.get(path).decode()
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror" in page
    assert 'data-state="to discuss"' in browser.get("/").decode()


def test_the_newest_note_counts_and_the_older_ones_stay(study, tmp_path):
    place, scans = study
    room = room_of(place, *scans, keep_in=tmp_path)
    with open_room(room) as browser:
        for note in ("first", "second"):
            browser.ask("/case/scan-001/note", {"state": "read", "note": note})
        assert "second" in browser.get("/").decode()
    assert [entry.content["note"] for entry in room.log.entries("note")] == ["first", "second"]


@pytest.mark.parametrize("form", [{"state": "wrong", "note": ""}, {"state": "read", "note": "x" * 2001}, {}])
def test_a_note_that_is_none_is_not_stored(browser, form):
    assert browser.ask("/case/scan-001/note", form)[0] == 400


def test_the_table_for_a_spreadsheet_holds_no_formula(browser):
    browser.ask("/case/scan-001/note", {"state": "read", "note": "=1+1"})
    [_, first, *_] = rows = list(csv.reader(io.StringIO(browser.get("/worklist.csv").decode())))
    named = dict(zip(rows[0], next(row for row in rows if row[0] == "scan-001"), strict=True))
    assert named["my_note"] == "'=1+1"
    assert (named["label"], named["outcome"], named["my_state"]) == ("case one", "SUSPICIOUS", "read")
    assert first[2] == "REJECTED"


def test_the_picture_is_the_close_up_of_the_report(browser):
    assert browser.get("/case/scan-001/picture").startswith(b"\x89PNG")
    assert browser.ask("/case/scan-003/picture")[0] == 409  # a rejected scan has none


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


def test_a_damaged_result_is_named_and_never_among_the_negatives(study, tmp_path):
    result(tmp_path / "r" / "a", study[1][1])
    (tmp_path / "r" / "a" / "screening.json").write_text("{}")
    with open_room(room_of(tmp_path / "r", keep_in=tmp_path / "own")) as browser:
        page = browser.get("/").decode()
        assert re.findall(r'data-outcome="([^"]+)"', page) == ["DAMAGED"]
        assert "cannot be read" in browser.get("/case/a").decode()


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no result"):
        room_of(tmp_path)


# --- the scan


def voxels(browser, case):
    """The whole scan as the browser gets it, in HU, (z, y, x) of the canonical order, and the marks."""
    page = browser.get(f"/case/{case}").decode()
    facts = json.loads(re.search(r'id="viewer-facts" type="application/json">([^<]*)', page)[1])
    x, y, z = facts["size"]
    layers = {layer: np.zeros((z, y, x), np.uint8) for layer in ("gray", "marks", "probability")}
    for piece in facts["pieces"]:
        values = np.frombuffer(browser.get(piece["address"]), np.uint8).reshape(-1, y, x)
        layers[piece["layer"]][piece["first"] : piece["first"] + len(values)] = values
    return layers["gray"].astype(int) * HU_A_STEP + LOWEST_HU, layers["marks"] & 3


def test_the_whole_scan_is_served_and_its_labels_lie_where_the_result_has_them(browser, study):
    hu, labels = voxels(browser, "scan-001")
    ct, stored = read_scan(study[1][0]).volume, read_parts(study[0] / "scan-001")
    assert hu.shape == ct.hu.shape  # of this file the canonical order is its own
    assert np.abs(hu - np.clip(ct.hu, -200, 310)).max() <= 1
    assert np.array_equal(labels, stored.labels.whole())


def test_a_scan_is_known_by_its_voxels_and_not_by_its_name(study, tmp_path):
    """Both scans change their names: each result still gets its own."""
    place, scans = study
    swapped = [tmp_path / scans[1].name, tmp_path / "zz" / scans[0].name]
    swapped[1].parent.mkdir()
    for source, target in zip(scans, swapped, strict=True):
        target.write_bytes(source.read_bytes())
    with open_room(room_of(place, *swapped, keep_in=tmp_path / "own")) as browser:
        assert voxels(browser, "scan-001")[0].shape[0] == 24
        assert voxels(browser, "scan-002")[0].shape[0] == 25


def test_a_scan_whose_voxels_were_changed_is_not_shown(study, tmp_path):
    place, scans = study
    image = sitk.ReadImage(str(scans[0]))
    image[20, 20, 12] = image[20, 20, 12] + 1
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    with open_room(room_of(place, tmp_path / "ct.nii.gz", keep_in=tmp_path / "own")) as browser:
        page = browser.get("/case/scan-001").decode()
        assert "No scan is shown: the scan of this result was not found" in page
        assert 'id="viewer"' not in page
        assert browser.ask("/case/scan-001/voxels/gray/0")[0] == 409


def test_a_scan_that_lies_elsewhere_in_space_is_not_shown(study, tmp_path):
    """The same voxels, mirrored by the header: the digest of the voxels alone would let it pass."""
    image = sitk.ReadImage(str(study[1][0]))
    image.SetDirection((-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    facts = read_result(study[0] / "scan-001").screening.input
    with pytest.raises(ResultError, match="was not found"):
        ScanFinder([FoundScan(tmp_path / "ct.nrrd")]).find(facts, None)


def test_the_scan_of_a_cohort_that_was_replaced_is_not_shown(study, tmp_path):
    facts = read_result(study[0] / "scan-001").screening.input
    with pytest.raises(ResultError, match="not the scan that was screened"):
        ScanFinder().find(facts, FoundScan(study[1][1]))


def test_a_result_whose_labels_were_exchanged_is_not_shown(study, tmp_path):
    place, scans = study
    for name in ("scan-001", "scan-002"):
        (tmp_path / "r" / name).mkdir(parents=True)
        for file in (place / name).iterdir():
            (tmp_path / "r" / name / file.name).write_bytes(file.read_bytes())
    (tmp_path / "r" / "scan-001" / "labels.seg.nrrd").write_bytes((place / "scan-002" / "labels.seg.nrrd").read_bytes())
    with open_room(room_of(tmp_path / "r", *scans, keep_in=tmp_path / "own")) as browser:
        assert "labels.seg.nrrd is not the file" in browser.get("/case/scan-001").decode()


def test_the_report_is_served_as_it_was_written_and_can_reach_nothing(browser, study):
    status, headers, body = browser.ask("/case/scan-001/report")
    assert body == (study[0] / "scan-001" / "report.html").read_bytes()
    assert "sandbox allow-scripts" in headers["Content-Security-Policy"]
    assert "connect-src" not in headers["Content-Security-Policy"]


def test_a_report_of_another_result_is_not_served(study, tmp_path):
    place, scans = study
    for name in ("scan-001", "scan-002"):
        (tmp_path / "r" / name).mkdir(parents=True)
        for file in (place / name).iterdir():
            (tmp_path / "r" / name / file.name).write_bytes(file.read_bytes())
    (tmp_path / "r" / "scan-001" / "report.html").write_bytes((place / "scan-002" / "report.html").read_bytes())
    with open_room(room_of(tmp_path / "r", *scans, keep_in=tmp_path / "own")) as browser:
        for path in ("report", "picture"):
            assert browser.ask(f"/case/scan-001/{path}")[0] == 409
            assert browser.ask(f"/case/scan-002/{path}")[0] == 200


# --- a cohort


def test_a_cohort_shows_every_planned_scan_and_knows_where_it_lies(tmp_path):
    """One of two scans has its result, put where a worker would; the other one waits."""
    scans = [scan(tmp_path / "scans", number) for number in (0, 1)]
    settings = Settings("demo-phantom", "0" * 64, "PDACScreening test")
    place = tmp_path / "cohort"
    plan_cohort(place, settings, search_scans(scans, ignore_progress), None)
    cohort = CohortFolder(place)
    first, second = cohort.standings()
    result(cohort.results / first.name, scans[0], LARGE)
    with open_room(room_of(place, keep_in=tmp_path / "own")) as browser:
        page = browser.get("/").decode()
        assert re.findall(r'data-outcome="([^"]+)"', page) == ["WAITING", "SUSPICIOUS"]
        assert voxels(browser, first.case.id)[0].shape[0] == 24
        waiting = browser.get(f"/case/{second.case.id}").decode()
        assert "not screened yet" in waiting
        assert browser.ask(f"/case/{second.case.id}/note", {"state": "read", "note": "seen"})[0] == 303
        assert "seen" in browser.get("/").decode()


# --- decisions


def decide(browser, case, digest, **choices):
    form = {"result": digest, **{f"finding-{number[1:]}": choice for number, choice in choices.items()}}
    return browser.ask(f"/case/{case}/decision", form)


def hashes(folder):
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir())}


def test_a_rejected_finding_gives_the_numbers_of_rescore_and_the_files_of_the_ai_stay(study, tmp_path):
    place, scans = study
    folder, room = place / "scan-001", room_of(place, *scans, keep_in=tmp_path)
    before, digest = hashes(folder), file_sha256(folder / "screening.json")
    with open_room(room) as browser:
        assert decide(browser, "scan-001", digest, f1="reject", f2="accept")[0] == 303
        page, work = browser.get("/case/scan-001").decode(), browser.get("/").decode()
    assert hashes(folder) == before
    stored, ct = read_parts(folder), read_scan(scans[0]).volume
    edited = stored.labels.whole()
    edited[LARGE] = Label.BACKGROUND
    expected = rescore(
        stored.screening, stored.labels, VolumePart.of(edited, ct.geometry), stored.tumor_probability, ct
    ).screening
    copy = read_result(tmp_path / "copies" / "scan-001" / "r1" / "without-1")
    own = {"label": expected.label, "files_sha256": {}, "result_voxels_sha256": {}}
    assert replace(copy.screening, **own) == replace(expected, **own)
    assert copy.screening.outcome == "NOT_SUSPICIOUS"  # 18 voxels are left, K is 20
    assert np.array_equal(copy.label_map.labels, edited)
    assert "Without finding 1" in page
    assert "NOT_SUSPICIOUS without finding 1" in work


def test_accepting_everything_writes_no_copy(study, tmp_path):
    place, scans = study
    with open_room(room_of(place, *scans, keep_in=tmp_path)) as browser:
        digest = file_sha256(place / "scan-001" / "screening.json")
        assert decide(browser, "scan-001", digest, f1="accept", f2="accept")[0] == 303
        assert "You accepted every finding" in browser.get("/case/scan-001").decode()
    assert not (tmp_path / "copies").exists()


def test_every_finding_needs_an_answer_about_the_result_that_was_seen(browser, study):
    digest = file_sha256(study[0] / "scan-001" / "screening.json")
    assert decide(browser, "scan-001", digest, f1="reject")[0] == 400
    assert decide(browser, "scan-001", "0" * 64, f1="reject", f2="accept")[0] == 409


def test_a_decision_about_an_earlier_result_does_not_count_for_the_next_one(study, tmp_path):
    path = study[1][0]
    result(tmp_path / "r" / "a", path, LARGE, SMALL)
    with open_room(room_of(tmp_path / "r", path, keep_in=tmp_path / "own")) as browser:
        decide(browser, "a", file_sha256(tmp_path / "r" / "a" / "screening.json"), f1="reject", f2="accept")
        assert "without finding 1" in browser.get("/").decode()
        time.sleep(0.02)
        result(tmp_path / "r" / "a", path, LARGE)
        assert "without finding 1" not in browser.get("/").decode()


# --- two results


def test_two_results_are_compared_by_the_function_of_the_panel(study, tmp_path):
    path = study[1][0]
    result(tmp_path / "r" / "before", path, SMALL)
    result(tmp_path / "r" / "after", path, LARGE, SMALL)
    with open_room(room_of(tmp_path / "r", path, keep_in=tmp_path / "own")) as browser:
        status, headers, _ = browser.ask("/case/after/prior", {"before": "before"})
        page = browser.get(headers["Location"]).decode()
    assert "Whether both scans are of one patient is for you to know" in page
    assert "new: " in page
    assert "+0 mm, +0.00 mL" in page


# --- what was said


def test_nothing_that_was_stored_can_be_changed(tmp_path):
    log = ReaderLog(tmp_path / "x.sqlite", "r1")
    log.add("note", About("scan"), {"note": "a"})
    import sqlite3

    other = sqlite3.connect(tmp_path / "x.sqlite")
    for act in ("update entry set content='{}'", "delete from entry"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            other.execute(act)
    other.close()
    log.close()


def test_what_may_be_said_once_is_refused_the_second_time(tmp_path):
    log = ReaderLog(tmp_path / "x.sqlite", "r1")
    log.add("answer", About("scan"), {"n": 1}, once="case 1")
    with pytest.raises(SaidAlready):
        log.add("answer", About("scan"), {"n": 2}, once="case 1")
    ReaderLog(tmp_path / "x.sqlite", "r2").add("answer", About("scan"), {"n": 3}, once="case 1")
    assert [entry.content["n"] for entry in log.entries("answer")] == [1]


def test_readers_do_not_see_each_other(study, tmp_path):
    place, scans = study
    with open_room(room_of(place, *scans, reader="r1", keep_in=tmp_path)) as browser:
        browser.ask("/case/scan-001/note", {"state": "read", "note": "mine alone"})
    with open_room(room_of(place, *scans, reader="r2", keep_in=tmp_path)) as browser:
        assert "mine alone" not in browser.get("/").decode()


def test_a_read_only_result_folder_is_read(study, tmp_path):
    """As another user would have it: nothing is opened for writing in it."""
    place, scans = study
    before = {path: path.stat().st_mtime_ns for path in Path(place).rglob("*")}
    with open_room(room_of(place, *scans, keep_in=tmp_path)) as browser:
        browser.get("/case/scan-001")
        browser.ask("/case/scan-001/note", {"state": "read", "note": ""})
    assert {path: path.stat().st_mtime_ns for path in Path(place).rglob("*")} == before


def test_an_answer_in_memory_and_a_stored_one_are_the_same(study):
    """What the helper of these tests makes is what the library reads back."""
    assert answer(study[1][1]).screening.outcome == read_result(study[0] / "scan-002").screening.outcome
