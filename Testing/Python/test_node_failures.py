"""A screening that fails, a node that dies, a PACS that is away: tried again, and given up in the end."""

import pytest
from dicom_slices import SHAPE
from node_parts import images

from PDACScreeningLib.child_run.one_order import OrderEnd

ALL = SHAPE[0]


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


def test_a_series_that_ended_the_node_lets_the_others_go_first(rooms):
    rooms.receive(images())
    rooms.clock.wait(1)
    rooms.receive(images(number=1))
    rooms.pass_quietly()
    first = rooms.spool.database.due(rooms.rows[0].state)[0]
    rooms.spool.database.move(first, type(first.state).RUNNING, starts=1)
    rooms.again()
    assert [row.key for row in rooms.spool.database.due(first.state)][-1] == first.key
