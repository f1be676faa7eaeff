"""A reader study: nothing of the AI before the reader's own answer, and no answer changed."""

import json
import re

import pytest
from reading_cases import open_room
from study_cases import CASES, Clock, send, study_of, words

from PDACScreeningLib.reading_room.study_plan import Condition


def everything(browser):
    """Bytes of every answer that a browser can get while case 1 is unread, by address."""
    page = browser.ask("/case/1")
    facts = json.loads(re.search(r'id="viewer-facts" type="application/json">([^<]*)', page[2].decode())[1])
    paths = ["/", "/case/1", "/case/2", "/case/4", "/worklist.csv", "/case/1/report", "/case/1/picture", "/case/alpha"]
    paths += [f"/case/{number}/voxels/{layer}/0" for number in (1, 2) for layer in ("gray", "marks", "probability")]
    paths += [piece["address"] for piece in facts["pieces"]]
    return {path: (got := browser.ask(path))[:1] + (got[2],) for path in paths}, facts


def test_what_an_unread_case_gives_is_the_same_whatever_the_ai_says(made_study, tmp_path):
    """Byte for byte, in every answer: so nothing of the AI's can be in it."""
    found = {}
    for name, root in made_study.items():
        with open_room(study_of(root, tmp_path / name)) as browser:
            found[name], facts = everything(browser)
    assert found["suspicious"] == found["clear"]
    assert {piece["layer"] for piece in facts["pieces"]} == {"gray"}
    said = b"".join(words(body) for _, body in found["suspicious"].values())
    for word in (b"SUSPICIOUS", b"uspicious", b"secret", b"alpha", b"etworks alone", b"Finding"):
        assert word not in said, word
    statuses = {path: status for path, (status, _) in found["suspicious"].items()}
    assert statuses["/case/1/report"] == statuses["/worklist.csv"] == statuses["/case/1/picture"] == 404
    assert statuses["/case/1/voxels/marks/0"] == statuses["/case/1/voxels/probability/0"] == 404
    assert statuses["/case/2"] == statuses["/case/2/voxels/gray/0"] == 409


def test_the_whole_scan_is_served_while_it_is_unread(made_study, tmp_path):
    """A part around the gland would tell where the gland is."""
    room = study_of(made_study["suspicious"], tmp_path)
    with open_room(room) as browser:
        _, facts = everything(browser)
    name = room.study.plan.cases[0].name
    assert facts["size"] == [40, 40, 24 + CASES.index(name)]
    assert facts["start"] == [length // 2 for length in facts["size"]]
    assert facts["findings"] == []


BOTH = {"finding-1": "accept", "finding-2": "reject"}


def test_the_ai_is_shown_after_the_own_answer_which_never_changes(made_study, tmp_path):
    room = study_of(made_study["suspicious"], tmp_path)
    with open_room(room) as browser:
        assert "Suspicious region" not in browser.get("/case/1").decode()
        assert send(browser, 1, "unaided", 30, place="1 2 3.5")[0] == 303
        page = browser.get("/case/1").decode()
        assert "Suspicious region found" in page
        assert "marks" in page
        status, _, body = send(browser, 1, "unaided", 90)
        assert (status, b"the first answer stays" in body) == (409, True)
        assert send(browser, 1, "aided", 80)[0] == 400  # each finding needs an answer
        assert send(browser, 1, "aided", 80, **BOTH)[0] == 303
        assert send(browser, 1, "aided", 10, **BOTH)[0] == 409
        assert "Suspicious region" not in browser.get("/case/2").decode()
        assert browser.ask("/case/1")[0] == 409
    said = [entry.content for entry in room.study._log.entries("answer")]
    assert [(one["condition"], one["suspicion"]) for one in said] == [("unaided", 30), ("aided", 80)]
    assert said[0]["place_lps_mm"] == [1.0, 2.0, 3.5]
    assert said[1]["findings"] == {"1": "accept", "2": "reject"}


@pytest.mark.parametrize("suspicion", ["", "101", "-1", "1.5", "five", "\u0665", "1e1"])
def test_a_suspicion_is_a_whole_number_from_0_to_100(made_study, tmp_path, suspicion):
    with open_room(study_of(made_study["clear"], tmp_path)) as browser:
        assert send(browser, 1, "unaided", suspicion)[0] == 400
        assert send(browser, 1, "wrong", 5)[0] == 400
        assert send(browser, 2, "unaided", 5)[0] == 409  # its turn has not come
        assert send(browser, 1, "aided", 5)[0] == 409


def test_a_study_that_was_broken_off_goes_on_where_it_was(made_study, tmp_path):
    with open_room(study_of(made_study["clear"], tmp_path)) as browser:
        send(browser, 1, "unaided", 3)
    again = study_of(made_study["clear"], tmp_path, seed=None)
    assert (again.study.next_step().number, again.study.next_step().condition) == (1, Condition.AIDED)
    with open_room(again) as browser:
        send(browser, 1, "aided", 3)
        assert "1 of 4 cases answered" in browser.get("/").decode()
        for number in (2, 3, 4):
            send(browser, number, "unaided", 1)
            send(browser, number, "aided", 2)
        assert "All cases are answered" in browser.get("/").decode()
    assert again.study.next_step() is None


def test_time_is_the_servers_and_pauses_are_told(made_study, tmp_path):
    """Opened, 20 s later a step in the viewer, a break of 300 s, again a step, the answer after 10 s."""
    clock = Clock()
    room = study_of(made_study["clear"], tmp_path, clock)
    with open_room(room) as browser:
        browser.get("/case/1")
        for pause in (20, 300):
            clock.now += pause
            assert (
                browser.ask("/case/1/actions", {"condition": "unaided", "actions": "[[1, [2, 3, 4], 400, 40]]"})[0]
                == 204
            )
        clock.now += 10
        send(browser, 1, "unaided", 50)
    [said] = room.study._log.entries("answer")
    assert (said.content["seconds"], said.content["idle_seconds"], said.content["openings"]) == (330.0, 300.0, 1)
    logged = room.study._log.entries("action")
    assert [entry.content["actions"] for entry in logged] == [[[1, [2, 3, 4], 400, 40]]] * 2


@pytest.mark.parametrize("actions", ["", "{}", "[NaN]", "[" * 100, json.dumps([1] * 5001)])
def test_actions_that_are_none_are_refused(made_study, tmp_path, actions):
    with open_room(study_of(made_study["clear"], tmp_path)) as browser:
        assert browser.ask("/case/1/actions", {"condition": "unaided", "actions": actions})[0] == 409


def test_actions_that_come_after_the_answer_belong_to_what_they_were_done_in(made_study, tmp_path):
    room = study_of(made_study["clear"], tmp_path)
    with open_room(room) as browser:
        send(browser, 1, "unaided", 3)
        assert browser.ask("/case/1/actions", {"condition": "unaided", "actions": "[1]"})[0] == 204
        assert browser.ask("/case/2/actions", {"condition": "unaided", "actions": "[1]"})[0] == 404
        assert browser.ask("/case/1/actions", {"actions": "[1]"})[0] == 400
    assert [entry.content["condition"] for entry in room.study._log.entries("action")] == ["unaided"]


def test_every_answer_names_the_result_the_scan_and_the_study_the_model_and_software(made_study, tmp_path):
    room = study_of(made_study["clear"], tmp_path)
    with open_room(room) as browser:
        send(browser, 1, "unaided", 3)
    [said], [begun] = room.study._log.entries("answer"), room.study._log.entries("study begun")
    case = room.cases[said.about.case_name]
    assert (said.about.scan, said.about.result_sha256) == (case.scan, case.screening_sha256)
    assert begun.content["software"].startswith("PDACScreening ")
    assert {one["result_sha256"] for one in begun.content["cases"]} == {
        one.screening_sha256 for one in room.cases.values()
    }
    assert all("weights_sha256" in one for one in begun.content["cases"])
