"""A series on its way: every state, with a clock, a PACS and a screening that do as they are told."""

import pytest
from dicom_slices import SHAPE
from node_parts import SUSPICIOUS, Rooms, images

from PDACScreeningLib.child_run.one_order import OrderEnd
from PDACScreeningLib.dicom.object_files import REPORT
from PDACScreeningLib.node.spool import Receipt
from PDACScreeningLib.outcome import Outcome

ALL = SHAPE[0]


@pytest.fixture
def rooms(tmp_path):
    made = Rooms(tmp_path)
    yield made
    made.spool.close()


def test_from_the_first_image_to_the_pacs(rooms):
    rooms.receive(images())
    assert rooms.state == "receiving"
    rooms.pass_quietly()
    assert rooms.state == "ready"
    rooms.child.meanwhile = lambda: rooms.told.append(rooms.state)
    rooms.queue.step(lambda: False)
    assert "running" in rooms.told
    assert (rooms.state, rooms.row.outcome) == ("screened", "SUSPICIOUS")
    rooms.sender.step()
    assert (rooms.state, rooms.row.expected) == ("sent", ALL)
    assert len(rooms.pacs.objects) == 2
    [order] = rooms.child.orders
    assert order.request.dicom_out
    assert not order.request.include_identifiers


def test_a_series_is_not_begun_while_images_come_or_the_pacs_has_more(rooms):
    rooms.receive(images(10))
    rooms.clock.wait(9.9)
    rooms.work()
    assert (rooms.state, rooms.pacs.asked) == ("receiving", 0)
    rooms.pass_quietly(0.2)
    assert (rooms.state, rooms.row.expected) == ("receiving", ALL)
    assert rooms.row.why == f"only 10 of {ALL} images came"
    rooms.receive(images()[10:])
    rooms.pass_quietly()
    assert rooms.state == "ready"


def test_half_a_series_is_refused_when_patience_ends_and_taken_when_the_rest_comes(rooms):
    rooms.receive(images(10))
    rooms.pass_quietly(99)
    assert rooms.state == "receiving"
    rooms.pass_quietly()
    assert (rooms.state, rooms.row.why) == ("refused", f"only 10 of {ALL} images came")
    rooms.receive(images()[10:])
    assert (rooms.state, rooms.row.revision) == ("receiving", 1)
    rooms.pass_quietly()
    rooms.work()
    assert rooms.state == "sent"


def test_a_series_that_the_pacs_does_not_hold_is_refused_and_one_it_does_not_tell_of_waits(rooms):
    rooms.pacs.held = None
    rooms.receive(images())
    rooms.pass_quietly(10_000)
    assert (rooms.state, rooms.row.why) == ("receiving", "the PACS does not answer")
    rooms.pacs.held = 0
    rooms.pass_quietly(10_000)
    assert (rooms.state, rooms.row.why) == ("refused", "the PACS holds no image of the series")


def test_a_node_that_does_not_ask_the_pacs_takes_quiet_for_whole(tmp_path):
    rooms = Rooms(tmp_path, completeness={"ask_pacs": False})
    rooms.receive(images(10))
    rooms.pass_quietly()
    assert (rooms.state, rooms.pacs.asked) == ("ready", 0)
    rooms.spool.close()


def test_a_series_that_no_rule_wants_is_refused_in_words(rooms):
    rooms.pacs.held = 4
    rooms.receive(images(4))
    rooms.pass_quietly()
    assert (rooms.state, rooms.row.why) == ("refused", "it has 4 images, fewer than rules.min_images 5")


@pytest.mark.parametrize("state", ["ready", "screened", "sent"])
def test_an_image_that_came_again_with_other_content_refuses_the_series(rooms, state):
    rooms.receive(images())
    rooms.pass_quietly()
    if state != "ready":
        rooms.queue.step(lambda: False)
    if state == "sent":
        rooms.sender.step()
    assert rooms.state == state
    changed = images(1, PatientID="OTHER")
    assert rooms.receive(changed) == [Receipt.CONFLICT]
    rooms.pass_quietly()
    rooms.work()
    assert rooms.state == "refused"
    assert "other content" in rooms.row.why
    assert len(rooms.pacs.objects) == (2 if state == "sent" else 0)


def test_a_late_image_discards_the_answer_that_did_not_see_it(rooms):
    rooms.pacs.held = ALL - 1
    rooms.receive(images(ALL - 1))
    rooms.pass_quietly()
    rooms.child.meanwhile = lambda: rooms.receive(images()[-1:])
    rooms.queue.step(lambda: False)
    assert (rooms.state, rooms.row.revision, rooms.pacs.objects) == ("receiving", 1, [])
    rooms.child.meanwhile, rooms.pacs.held = lambda: None, ALL
    rooms.pass_quietly()
    rooms.work()
    assert rooms.state == "sent"
    assert rooms.child.orders[0].folder != rooms.child.orders[1].folder


def test_a_late_image_after_sending_makes_a_report_that_names_the_earlier_one(rooms):
    rooms.pacs.held = ALL - 1
    rooms.receive(images(ALL - 1))
    rooms.pass_quietly()
    rooms.work()
    assert rooms.state == "sent"
    first = rooms.child.orders[0]
    assert first.request.dicom_predecessor is None
    rooms.pacs.held = ALL
    rooms.receive(images()[-1:])
    rooms.pass_quietly()
    rooms.work()
    assert rooms.child.orders[1].request.dicom_predecessor == f"{first.folder}/{REPORT}"
    assert (rooms.state, len(set(rooms.pacs.objects))) == ("sent", 4)


def test_a_late_image_while_results_are_sent_is_not_overwritten(rooms):
    rooms.pacs.held = ALL - 1
    rooms.receive(images(ALL - 1))
    rooms.pass_quietly()
    rooms.queue.step(lambda: False)
    send = rooms.pacs.send

    def late(paths):
        rooms.receive(images()[-1:])
        return send(paths)

    rooms.pacs.send = late
    rooms.sender.step()
    assert (rooms.state, rooms.row.revision) == ("receiving", 1)
    assert rooms.row.sent_result  # what is in the PACS now is the predecessor of what comes


def test_a_pacs_that_is_away_gets_the_result_later_and_with_growing_pauses(rooms):
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.queue.step(lambda: False)
    rooms.pacs.obstacle = "the PACS does not answer"
    pauses = []
    for _ in range(12):
        assert rooms.sender.step()
        assert not rooms.sender.step()
        pauses.append(rooms.row.due - rooms.clock.now)
        rooms.clock.wait(pauses[-1])
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    rooms.pacs.obstacle = ""
    rooms.sender.step()
    assert rooms.state == "sent"


def test_after_a_week_nobody_waits_for_a_result_any_more(rooms):
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.queue.step(lambda: False)
    rooms.pacs.obstacle = "report.dcm: the PACS answered 0xa900"
    rooms.clock.wait(7.1 * 86400)
    rooms.sender.step()
    assert (rooms.state, rooms.row.why) == ("failed", "not sent for 7 days: report.dcm: the PACS answered 0xa900")


def test_a_screening_that_fails_is_tried_again_and_given_up_in_the_end(rooms):
    rooms.child.ended = OrderEnd(None, "The screening process was ended from outside.")
    rooms.receive(images())
    rooms.pass_quietly()
    for pause_s in (10, 20):
        assert rooms.queue.step(lambda: False)
        assert rooms.state == "ready"
        assert not rooms.queue.step(lambda: False)
        rooms.clock.wait(pause_s)
    rooms.queue.step(lambda: False)
    assert (rooms.state, rooms.row.why) == ("failed", rooms.child.ended.reason)
    assert len(rooms.child.orders) == 3


@pytest.mark.parametrize(
    ("ended", "state"),
    [
        (SUSPICIOUS, "sent"),
        (OrderEnd(Outcome.NOT_SUSPICIOUS, ""), "sent"),
        (OrderEnd(Outcome.INDETERMINATE, "no pancreas"), "sent"),
        (OrderEnd(Outcome.REJECTED, "slices are missing"), "refused"),
    ],
)
def test_every_outcome_has_its_end(rooms, ended, state):
    rooms.child.ended = ended
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.work()
    assert (rooms.state, rooms.row.outcome) == (state, ended.outcome.value)
    assert len(rooms.pacs.objects) == (2 if state == "sent" else 0)


def test_a_result_without_objects_is_refused_and_nothing_is_sent(rooms):
    rooms.child.ended = SUSPICIOUS
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.child.screen = lambda _order, _stop: SUSPICIOUS
    rooms.work()
    assert rooms.state == "refused"
    assert "no DICOM results" in rooms.row.why


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientID": "OTHER"},
        {"StudyInstanceUID": "1.2.3"},
        {"IssuerOfPatientID": "ELSEWHERE"},
        {"CurrentRequestedProcedureEvidenceSequence": []},
    ],
)
def test_objects_of_another_patient_study_or_series_are_never_sent(rooms, changes):
    rooms.child.changes = changes
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.work()
    assert rooms.state == "failed"
    assert "not of the patient" in rooms.row.why
    assert rooms.pacs.objects == []


def test_images_of_two_patients_never_lead_to_an_object(rooms):
    mixed = [*images(10), *images(PatientID="OTHER")[10:]]
    rooms.receive(mixed)
    rooms.pass_quietly()
    rooms.work()  # this child looks at nothing, unlike the real one
    assert (rooms.state, rooms.pacs.objects) == ("failed", [])


def test_a_file_that_the_spool_lost_is_noticed_before_the_screening(rooms):
    rooms.receive(images())
    rooms.pass_quietly()
    next(rooms.spool.series_folder(rooms.row.key).glob("*.dcm")).unlink()
    rooms.work()
    assert (rooms.state, rooms.child.orders) == ("failed", [])


def test_what_ran_when_the_node_was_killed_is_run_again_and_senders_get_time(rooms):
    rooms.receive(images(10))
    rooms.receive(images(number=1))
    rooms.pass_quietly()
    [whole] = [row for row in rooms.rows if row.state.value == "ready"]
    rooms.spool.database.move(whole, type(whole.state).RUNNING)
    rooms.clock.wait(1000)
    rooms.again()
    states = {row.images: (row.state.value, rooms.clock.now - row.last) for row in rooms.rows}
    assert states[ALL][0] == "ready"
    assert states[10] == ("receiving", 0)


def test_a_node_that_is_stopped_gives_the_series_back_untried(rooms):
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.queue.step(lambda: True)
    assert (rooms.state, rooms.row.starts, rooms.row.failures) == ("ready", 0, 0)


def test_a_series_that_ends_the_node_again_and_again_is_given_up(rooms):
    rooms.receive(images())
    rooms.pass_quietly()

    def dies(_order, _stop):
        raise KeyboardInterrupt

    rooms.child.screen = dies
    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            rooms.queue.step(lambda: False)
        rooms.again()
        rooms.child.screen = dies
    rooms.work()
    assert rooms.state == "failed"
    assert "the node ended 20 times" in rooms.row.why


def test_several_series_keep_apart_when_their_images_come_in_turns(rooms):
    series = [images(number=number) for number in range(3)]
    for slices in zip(*series, strict=True):
        rooms.receive(slices)
    rooms.pass_quietly()
    rooms.work()
    assert [row.state.value for row in rooms.rows] == ["sent"] * 3
    assert len(set(rooms.pacs.objects)) == 6


def test_duplicates_change_nothing(rooms):
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.work()
    assert rooms.receive(images()) == [Receipt.KNOWN] * ALL
    rooms.pass_quietly()
    rooms.work()
    assert (rooms.state, rooms.row.revision, len(rooms.pacs.objects)) == ("sent", 0, 2)


def test_a_series_that_was_given_up_is_tried_again_when_it_is_sent_again(rooms):
    rooms.child.ended = OrderEnd(None, "The disk for temporary files is full.")
    rooms.receive(images())
    for _ in range(5):
        rooms.pass_quietly(100)
        rooms.queue.step(lambda: False)
    assert rooms.state == "failed"
    rooms.child.ended = SUSPICIOUS
    assert rooms.receive(images(1)) == [Receipt.KNOWN]
    rooms.pass_quietly()
    rooms.work()
    assert (rooms.state, rooms.row.failures) == ("sent", 0)


def test_a_series_that_ended_the_node_lets_the_others_go_first(rooms):
    rooms.receive(images())
    rooms.clock.wait(1)
    rooms.receive(images(number=1))
    rooms.pass_quietly()
    first = rooms.spool.database.due(rooms.rows[0].state)[0]
    rooms.spool.database.move(first, type(first.state).RUNNING, starts=1)
    rooms.again()
    assert [row.key for row in rooms.spool.database.due(first.state)][-1] == first.key


def test_a_conflict_that_comes_while_the_pacs_is_asked_is_not_overlooked(rooms):
    rooms.receive(images())

    def held(_key):
        rooms.pacs.images_held = lambda _key: ALL
        rooms.receive(images(1, PatientID="OTHER"))
        return ALL

    rooms.pacs.images_held = held
    rooms.pass_quietly()
    assert rooms.state == "receiving"
    rooms.pass_quietly()
    rooms.work()
    assert (rooms.state, rooms.child.orders) == ("refused", [])
