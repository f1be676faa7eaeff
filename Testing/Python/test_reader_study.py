"""A reader study: nothing of the AI before the reader's own answer, no answer changed, all of it exported."""

import json
import re
import sqlite3
from dataclasses import replace

import pytest
from reading_cases import LARGE, SMALL, answer, open_room, result, scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.cohort.scan_search import FoundScan
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.reading_room.case_list import CaseList
from PDACScreeningLib.reading_room.opened_case import OpenCases
from PDACScreeningLib.reading_room.reader_log import ReaderLog
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.reading_room.study import Study
from PDACScreeningLib.reading_room.study_export import export_rows, read_truth
from PDACScreeningLib.reading_room.study_plan import Arm, Condition, StudyCase, drawn_plan
from PDACScreeningLib.reading_room.study_room import StudyRoom
from PDACScreeningLib.reading_room.study_start import StudyRequest, start_study, study_key

DAY_S = 86_400.0
CASES = ("alpha", "beta", "gamma", "delta")


class Clock:
    """The server's clock, turned by hand."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


def make(root, *tumors, label=""):
    """Four scans; every one with the same result but for its voxels."""
    for number, name in enumerate(CASES):
        result(
            root / "results" / name,
            scan(root / "scans", number),
            *tumors,
            with_report=False,
            label=label,
            networks=bool(tumors),
        )
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same scans twice: with tumors that the AI calls, and with none."""
    found = {}
    for name, tumors in (("suspicious", (LARGE, SMALL)), ("clear", ())):
        label = f"secret {name} label"
        found[name] = make(tmp_path_factory.mktemp(name), *tumors, label=label)
    return found


def study_of(root, keep_in, clock=None, **asked):
    """The room of a reader, as the command makes it."""
    clock = clock or Clock()
    request = StudyRequest(**{"study": "s", "reader": "r1", "seed": 7, **asked})
    cases = {case.name: case for case in CaseList(root / "results", keep_in).cases()}
    finder = ScanFinder([FoundScan(path) for path in sorted((root / "scans").iterdir())])
    study = start_study(request, list(cases.values()), keep_in / "log.sqlite", finder, ignore_progress, clock())
    study._log._clock = clock
    return StudyRoom(study, cases, OpenCases(finder), request.reader, clock)


def words(page):
    """A page without its style and its script, which are the same on every page."""
    return re.sub(rb"<style>.*?</style>|<script>.*?</script>", b"", page, flags=re.DOTALL)


def everything(browser):
    """Bytes of every answer that a browser can get while case 1 is unread, by address."""
    page = browser.ask("/case/1")
    facts = json.loads(re.search(r'id="viewer-facts" type="application/json">([^<]*)', page[2].decode())[1])
    paths = ["/", "/case/1", "/case/2", "/case/4", "/worklist.csv", "/case/1/report", "/case/1/picture", "/case/alpha"]
    paths += [f"/case/{number}/voxels/{layer}/0" for number in (1, 2) for layer in ("gray", "marks", "probability")]
    paths += [piece["address"] for piece in facts["pieces"]]
    return {path: (got := browser.ask(path))[:1] + (got[2],) for path in paths}, facts


def test_what_an_unread_case_gives_is_the_same_whatever_the_ai_says(made, tmp_path):
    """Byte for byte, in every answer: so nothing of the AI's can be in it."""
    found = {}
    for name, root in made.items():
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


def test_the_whole_scan_is_served_while_it_is_unread(made, tmp_path):
    """A part around the gland would tell where the gland is."""
    room = study_of(made["suspicious"], tmp_path)
    with open_room(room) as browser:
        _, facts = everything(browser)
    name = room.study.plan.cases[0].name
    assert facts["size"] == [40, 40, 24 + CASES.index(name)]
    assert facts["start"] == [length // 2 for length in facts["size"]]
    assert facts["findings"] == []


def send(browser, number, condition, suspicion, **more):
    return browser.ask(f"/case/{number}/answer", {"condition": condition, "suspicion": suspicion, **more})


BOTH = {"finding-1": "accept", "finding-2": "reject"}


def test_the_ai_is_shown_after_the_own_answer_which_never_changes(made, tmp_path):
    room = study_of(made["suspicious"], tmp_path)
    with open_room(room) as browser:
        assert "Suspicious region" not in browser.get("/case/1").decode()
        assert send(browser, 1, "unaided", 30, place="1 2 3.5")[0] == 303
        page = browser.get("/case/1").decode()
        assert "Suspicious region found" in page
        assert "marks" in page
        assert send(browser, 1, "unaided", 90)[0] == 409
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
def test_a_suspicion_is_a_whole_number_from_0_to_100(made, tmp_path, suspicion):
    with open_room(study_of(made["clear"], tmp_path)) as browser:
        assert send(browser, 1, "unaided", suspicion)[0] == 400
        assert send(browser, 1, "wrong", 5)[0] == 400
        assert send(browser, 2, "unaided", 5)[0] == 409  # its turn has not come
        assert send(browser, 1, "aided", 5)[0] == 409


def test_a_study_that_was_broken_off_goes_on_where_it_was(made, tmp_path):
    with open_room(study_of(made["clear"], tmp_path)) as browser:
        send(browser, 1, "unaided", 3)
    again = study_of(made["clear"], tmp_path, seed=None)
    assert (again.study.next_step().number, again.study.next_step().condition) == (1, Condition.AIDED)
    with open_room(again) as browser:
        send(browser, 1, "aided", 3)
        assert "1 of 4 cases answered" in browser.get("/").decode()
        for number in (2, 3, 4):
            send(browser, number, "unaided", 1)
            send(browser, number, "aided", 2)
        assert "All cases are answered" in browser.get("/").decode()
    assert again.study.next_step() is None


def test_time_is_the_servers_and_pauses_are_told(made, tmp_path):
    """Opened, 20 s later a step in the viewer, a break of 300 s, again a step, the answer after 10 s."""
    clock = Clock()
    room = study_of(made["clear"], tmp_path, clock)
    with open_room(room) as browser:
        browser.get("/case/1")
        for pause in (20, 300):
            clock.now += pause
            assert browser.ask("/case/1/actions", {"actions": "[[1, [2, 3, 4], 400, 40]]"})[0] == 204
        clock.now += 10
        send(browser, 1, "unaided", 50)
    [said] = room.study._log.entries("answer")
    assert (said.content["seconds"], said.content["idle_seconds"], said.content["openings"]) == (330.0, 300.0, 1)
    logged = room.study._log.entries("action")
    assert [entry.content["actions"] for entry in logged] == [[[1, [2, 3, 4], 400, 40]]] * 2


@pytest.mark.parametrize("actions", ["", "{}", "[NaN]", "[" * 100, json.dumps([1] * 5001)])
def test_actions_that_are_none_are_refused(made, tmp_path, actions):
    with open_room(study_of(made["clear"], tmp_path)) as browser:
        assert browser.ask("/case/1/actions", {"actions": actions})[0] == 409


def test_every_answer_names_the_result_the_scan_and_the_study_the_model_and_software(made, tmp_path):
    room = study_of(made["clear"], tmp_path)
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


# --- orders and arms


def plan(reader="r1", seed=1, arm=Arm.SEQUENTIAL, session=1, practice=(), count=20):
    cases = [StudyCase(f"c{number:02}", "", "", "") for number in range(count)]
    return drawn_plan(reader, cases, practice, arm, seed, session)


def names(found):
    return [case.name for case in found.cases]


def test_the_order_is_random_and_its_readers_own_and_the_seed_gives_it_again():
    assert names(plan()) == names(plan())
    assert names(plan()) != names(plan(reader="r2"))
    assert names(plan()) != names(plan(seed=2))
    assert names(plan()) != sorted(names(plan()))
    assert sorted(names(plan())) == sorted(names(plan(reader="r2")))


def test_practice_cases_come_first_in_the_order_in_which_they_are_named():
    found = plan(practice=("c07", "c03"))
    assert names(found)[:2] == ["c07", "c03"]
    assert [case.is_practice for case in found.cases] == [True, True] + [False] * 18


def test_each_arm_has_its_conditions():
    assert plan().conditions(1) == (Condition.UNAIDED, Condition.AIDED)
    assert plan(arm=Arm.UNAIDED).conditions(1) == (Condition.UNAIDED,)
    assert plan(arm=Arm.AIDED).conditions(1) == (Condition.AIDED,)


def test_a_crossover_shows_each_case_once_with_and_once_without_the_ai():
    sessions = [plan(arm=Arm.CROSSOVER, session=session) for session in (1, 2)]
    shown = [{c.name: one.conditions(n)[0] for n, c in enumerate(one.cases, start=1)} for one in sessions]
    assert sum(condition is Condition.AIDED for condition in shown[0].values()) == 10
    assert all(shown[0][name] is not shown[1][name] for name in shown[0])
    assert names(sessions[0]) != names(sessions[1])


def test_an_unaided_study_never_shows_the_ai_and_an_aided_one_at_once(made, tmp_path):
    with open_room(study_of(made["suspicious"], tmp_path / "u", arm=Arm.UNAIDED)) as browser:
        for number in range(1, 5):
            assert "Suspicious region" not in browser.get(f"/case/{number}").decode()
            assert send(browser, number, "unaided", 5)[0] == 303
        assert b"uspicious" not in words(browser.get("/"))
    with open_room(study_of(made["suspicious"], tmp_path / "a", arm=Arm.AIDED)) as browser:
        assert "Suspicious region found" in browser.get("/case/1").decode()


def test_the_second_session_waits_for_the_first_and_for_the_washout(made, tmp_path):
    clock, asked = Clock(), {"arm": Arm.CROSSOVER}
    with pytest.raises(UsageError, match="comes after session 1"):
        study_of(made["clear"], tmp_path, clock, session=2, **asked)
    room = study_of(made["clear"], tmp_path, clock, practice=("beta",), **asked)
    with open_room(room) as browser:
        for number in range(1, 5):
            [condition] = room.study.plan.conditions(number)
            assert send(browser, number, condition.value, 5)[0] == 303
    clock.now += 27 * DAY_S
    with pytest.raises(UsageError, match="ended 27.0 days ago"):
        study_of(made["clear"], tmp_path, clock, session=2)
    clock.now += 2 * DAY_S
    second = study_of(made["clear"], tmp_path, clock, session=2, seed=None).study.plan
    first = room.study.plan
    assert (second.seed, names(second)[0]) == (first.seed, "beta")
    halves = [{case.name: case.aided_first for case in one.cases} for one in (first, second)]
    assert halves[0] == halves[1]


# --- going on with what is there


def test_a_study_does_not_go_on_with_other_results(made, tmp_path):
    root = make(tmp_path / "own", LARGE)
    study_of(root, tmp_path / "log")
    result(root / "results" / "beta", root / "scans" / "ct1.nii.gz", SMALL, with_report=False)
    with pytest.raises(UsageError, match="the result of beta is not the one"):
        study_of(root, tmp_path / "log")


@pytest.mark.parametrize("other", [{"seed": 8}, {"arm": Arm.AIDED}, {"practice": ("beta",)}])
def test_a_study_does_not_go_on_with_other_options(made, tmp_path, other):
    study_of(made["clear"], tmp_path)
    with pytest.raises(UsageError, match="was begun with another"):
        study_of(made["clear"], tmp_path, **other)


def test_a_study_does_not_begin_without_every_scan(made, tmp_path):
    root = make(tmp_path / "own")
    (root / "scans" / "ct2.nii.gz").unlink()
    with pytest.raises(UsageError, match="of gamma: the scan of this result was not found"):
        study_of(root, tmp_path / "log")
    assert ReaderLog(tmp_path / "log" / "log.sqlite", "r1", study_key("s", 1)).entries("study begun") == []


def test_why_a_case_cannot_be_shown_tells_nothing_of_its_result(made, tmp_path):
    root = make(tmp_path / "own", LARGE)
    room = study_of(root, tmp_path / "log")
    (root / "results" / room.study.plan.cases[0].name / "labels.seg.nrrd").unlink()
    with open_room(room) as browser:
        status, _, body = browser.ask("/case/1")
    assert status == 409
    assert b"cannot be shown; tell whoever runs the study" in body
    assert b"label" not in words(body)


def test_a_case_without_a_scan_is_no_case_of_a_study(made, tmp_path):
    root = make(tmp_path / "own")
    said = answer(root / "scans" / "ct3.nii.gz")
    from PDACScreeningLib.screening_json import write_screening

    write_screening(replace(said.screening, input=None), root / "results" / "empty" / "screening.json")
    assert sorted(names(study_of(root, tmp_path / "log").study.plan)) == sorted(CASES)
    with pytest.raises(UsageError, match="--practice empty is no case"):
        study_of(root, tmp_path / "other", practice=("empty",))


# --- export


def answered(made, keep_in, reader, suspicions, **asked):
    room = study_of(made["clear"], keep_in, reader=reader, **asked)
    with open_room(room) as browser:
        for number in range(1, 5):
            for condition, more in (("unaided", 0), ("aided", 10)):
                assert send(browser, number, condition, suspicions[number - 1] + more)[0] == 303
    return room


TRUTH = "case,truth\nalpha,1\nbeta,0\ngamma,1\ndelta,0\nunread,1\n"


def test_the_export_has_the_four_columns_of_imrmc_and_a_truth_for_every_case(made, tmp_path, capsys):
    """As iMRMC's example has it: rows of reader and modality "truth", then a row a reading."""
    room = answered(made, tmp_path, "r1", (10, 20, 30, 40), practice=("beta",))
    answered(made, tmp_path, "r2", (50, 60, 70, 80))
    (tmp_path / "log.sqlite").rename(tmp_path / "reading.sqlite")
    for ending in ("-wal", "-shm"):
        if (tmp_path / f"log.sqlite{ending}").exists():
            (tmp_path / f"log.sqlite{ending}").rename(tmp_path / f"reading.sqlite{ending}")
    (tmp_path / "truth.csv").write_text(TRUTH)
    out = tmp_path / "out.csv"
    command = ["read", str(made["clear"] / "results"), "--keep-in", str(tmp_path), "--study", "s"]
    assert main([*command, "--export", str(out), "--truth", str(tmp_path / "truth.csv")]) == 0
    rows = [line.split(",") for line in out.read_text().splitlines()]
    assert rows[0] == ["readerID", "caseID", "modalityID", "score"]
    assert rows[1:5] == [["truth", name, "truth", value] for name, value in zip(sorted(CASES), "1001", strict=True)]
    readings = {tuple(row[:3]): int(row[3]) for row in rows[5:]}
    assert len(readings) == 3 * 2 + 4 * 2  # the practice case of the first reader is not counted
    own = {case.name: number for number, case in enumerate(room.study.plan.cases, start=1)}
    assert readings["r1", "alpha", "unaided"] == 10 * own["alpha"]
    assert readings["r1", "alpha", "aided"] == 10 * own["alpha"] + 10
    assert ("r1", "beta", "unaided") not in readings


def test_a_case_without_a_truth_stops_the_export(made, tmp_path):
    room = answered(made, tmp_path, "r1", (1, 2, 3, 4))
    with pytest.raises(UsageError, match="does not name delta"):
        export_rows(room.study._log.of_all_readers("answer"), "s", {"alpha": 1, "beta": 0, "gamma": 0})
    with pytest.raises(UsageError, match="nobody has answered"):
        export_rows(room.study._log.of_all_readers("answer"), "another", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs the columns"),
        ("case,thruth\na,1\n", "needs the columns"),
        ("case,truth\na,2\n", "must be 0 or 1"),
        ("case,truth\na,1\na,0\n", "twice"),
    ],
)
def test_a_truth_that_is_none_is_refused(tmp_path, text, said):
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_truth(tmp_path / "truth.csv")


def test_the_stored_answers_cannot_be_changed_from_outside_either(made, tmp_path):
    answered(made, tmp_path, "r1", (1, 2, 3, 4))
    database = sqlite3.connect(tmp_path / "log.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        database.execute("update entry set content=replace(content, '1', '9') where kind='answer'")
    database.close()


def test_a_study_object_is_what_is_stored(made, tmp_path):
    room = study_of(made["clear"], tmp_path)
    other = Study(room.study.plan, ReaderLog(tmp_path / "log.sqlite", "r1", study_key("s", 1)))
    with open_room(room) as browser:
        send(browser, 1, "unaided", 3)
    assert other.answered() == room.study.answered() != set()
