"""Images that come late, twice, in turns, or again with other content: nothing decided before them stands."""

import pytest
from dicom_slices import SHAPE
from node_parts import SUSPICIOUS, images

from PDACScreeningLib.child_run.one_order import OrderEnd
from PDACScreeningLib.dicom.object_files import REPORT
from PDACScreeningLib.node.spool import Receipt

ALL = SHAPE[0]


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
