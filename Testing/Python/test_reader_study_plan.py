"""Orders, arms and sessions of a reader study, and what it goes on with."""

from dataclasses import replace

import pytest
from reading_cases import LARGE, SMALL, answer, open_room, result
from study_cases import CASES, Clock, make, send, study_of, words

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.reading_room.reader_log import ReaderLog
from PDACScreeningLib.reading_room.study_plan import Arm, Condition, StudyCase, drawn_plan
from PDACScreeningLib.reading_room.study_start import study_key

DAY_S = 86_400.0


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


def test_an_unaided_study_never_shows_the_ai_and_an_aided_one_at_once(made_study, tmp_path):
    with open_room(study_of(made_study["suspicious"], tmp_path / "u", arm=Arm.UNAIDED)) as browser:
        for number in range(1, 5):
            assert "Suspicious region" not in browser.get(f"/case/{number}").decode()
            assert send(browser, number, "unaided", 5)[0] == 303
        assert b"uspicious" not in words(browser.get("/"))
    with open_room(study_of(made_study["suspicious"], tmp_path / "a", arm=Arm.AIDED)) as browser:
        assert "Suspicious region found" in browser.get("/case/1").decode()


def test_the_second_session_waits_for_the_first_and_for_the_washout(made_study, tmp_path):
    clock, asked = Clock(), {"arm": Arm.CROSSOVER}
    with pytest.raises(UsageError, match="comes after session 1"):
        study_of(made_study["clear"], tmp_path, clock, session=2, **asked)
    room = study_of(made_study["clear"], tmp_path, clock, practice=("beta",), **asked)
    with open_room(room) as browser:
        for number in range(1, 5):
            [condition] = room.study.plan.conditions(number)
            assert send(browser, number, condition.value, 5)[0] == 303
    clock.now += 27 * DAY_S
    with pytest.raises(UsageError, match="ended 27.0 days ago"):
        study_of(made_study["clear"], tmp_path, clock, session=2)
    clock.now += 2 * DAY_S
    second = study_of(made_study["clear"], tmp_path, clock, session=2, seed=None).study.plan
    first = room.study.plan
    assert (second.seed, names(second)[0]) == (first.seed, "beta")
    halves = [{case.name: case.aided_first for case in one.cases} for one in (first, second)]
    assert halves[0] == halves[1]


# --- going on with what is there


def test_a_study_does_not_go_on_with_other_results(made_study, tmp_path):
    root = make(tmp_path / "own", LARGE)
    study_of(root, tmp_path / "log")
    result(root / "results" / "beta", root / "scans" / "ct1.nii.gz", SMALL, with_report=False)
    with pytest.raises(UsageError, match="the result of beta is not the one"):
        study_of(root, tmp_path / "log")


@pytest.mark.parametrize("other", [{"seed": 8}, {"arm": Arm.AIDED}, {"practice": ("beta",)}])
def test_a_study_does_not_go_on_with_other_options(made_study, tmp_path, other):
    study_of(made_study["clear"], tmp_path)
    with pytest.raises(UsageError, match="was begun with another"):
        study_of(made_study["clear"], tmp_path, **other)


def test_a_study_does_not_begin_without_every_scan(made_study, tmp_path):
    root = make(tmp_path / "own")
    (root / "scans" / "ct2.nii.gz").unlink()
    with pytest.raises(UsageError, match="of gamma: the scan of this result was not found"):
        study_of(root, tmp_path / "log")
    assert ReaderLog(tmp_path / "log" / "log.sqlite", "r1", study_key("s", 1)).entries("study begun") == []


def test_why_a_case_cannot_be_shown_tells_nothing_of_its_result(made_study, tmp_path):
    root = make(tmp_path / "own", LARGE)
    room = study_of(root, tmp_path / "log")
    (root / "results" / room.study.plan.cases[0].name / "labels.seg.nrrd").unlink()
    with open_room(room) as browser:
        status, _, body = browser.ask("/case/1")
    assert status == 409
    assert b"cannot be shown; tell whoever runs the study" in body
    assert b"label" not in words(body)


def test_a_case_without_a_scan_is_no_case_of_a_study(made_study, tmp_path):
    root = make(tmp_path / "own")
    said = answer(root / "scans" / "ct3.nii.gz")
    from PDACScreeningLib.screening_json import write_screening

    write_screening(replace(said.screening, input=None), root / "results" / "empty" / "screening.json")
    assert sorted(names(study_of(root, tmp_path / "log").study.plan)) == sorted(CASES)
    with pytest.raises(UsageError, match="--practice empty is no case"):
        study_of(root, tmp_path / "other", practice=("empty",))
