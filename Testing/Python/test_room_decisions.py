"""Accepting and rejecting findings; what was said once stays."""

import sqlite3
import time
from dataclasses import replace

import numpy as np
import pytest
from reading_cases import LARGE, SMALL, open_room, result, room_of

from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.inference.rescoring import rescore
from PDACScreeningLib.reading_room.reader_log import About, ReaderLog, SaidAlready
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.session.stored_result import read_parts, read_result
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart


def decide(browser, case, digest, **choices):
    form = {"result": digest, **{f"finding-{number[1:]}": choice for number, choice in choices.items()}}
    return browser.ask(f"/case/{case}/decision", form)


def hashes(folder):
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir())}


def test_a_rejected_finding_gives_the_numbers_of_rescore_and_the_files_of_the_ai_stay(room_study, tmp_path):
    place, scans = room_study
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


def test_accepting_everything_writes_no_copy(room_study, tmp_path):
    place, scans = room_study
    with open_room(room_of(place, *scans, keep_in=tmp_path)) as browser:
        digest = file_sha256(place / "scan-001" / "screening.json")
        assert decide(browser, "scan-001", digest, f1="accept", f2="accept")[0] == 303
        assert "You accepted every finding" in browser.get("/case/scan-001").decode()
    assert not (tmp_path / "copies").exists()


def test_every_finding_needs_an_answer_about_the_result_that_was_seen(room_browser, room_study):
    digest = file_sha256(room_study[0] / "scan-001" / "screening.json")
    assert decide(room_browser, "scan-001", digest, f1="reject")[0] == 400
    assert decide(room_browser, "scan-001", "0" * 64, f1="reject", f2="accept")[0] == 409


def test_a_decision_about_an_earlier_result_does_not_count_for_the_next_one(room_study, tmp_path):
    path = room_study[1][0]
    result(tmp_path / "r" / "a", path, LARGE, SMALL)
    with open_room(room_of(tmp_path / "r", path, keep_in=tmp_path / "own")) as browser:
        decide(browser, "a", file_sha256(tmp_path / "r" / "a" / "screening.json"), f1="reject", f2="accept")
        assert "without finding 1" in browser.get("/").decode()
        time.sleep(0.02)
        result(tmp_path / "r" / "a", path, LARGE)
        assert "without finding 1" not in browser.get("/").decode()


def test_nothing_that_was_stored_can_be_changed(tmp_path):
    log = ReaderLog(tmp_path / "x.sqlite", "r1")
    log.add("note", About("scan"), {"note": "a"})
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
