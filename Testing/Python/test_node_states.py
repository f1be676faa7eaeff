"""A series on its way: every state, with a clock, a PACS and a screening that do as they are told."""

import sqlite3
from contextlib import closing

import pytest
from dicom_slices import SHAPE
from node_parts import SUSPICIOUS, Rooms, images

from PDACScreeningLib.child_run.one_order import OrderEnd
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.node.config import SpoolSpace
from PDACScreeningLib.node.spool import DATABASE, Spool
from PDACScreeningLib.node.status import read_status
from PDACScreeningLib.outcome import Outcome

ALL = SHAPE[0]


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


def test_a_count_that_is_no_number_is_told_by_the_status(rooms):
    rooms.spool.database.count_dropped()
    with closing(sqlite3.connect(rooms.spool.folder / DATABASE)) as connection:
        connection.execute("update count set number='many'")
        connection.commit()
    with pytest.raises(UsageError, match="is no number"):
        read_status(SpoolSpace(str(rooms.spool.folder)))


@pytest.mark.parametrize("size", ["'many'", "9e999", "0.5"])
def test_a_size_that_is_no_number_is_told_by_the_status_and_at_the_next_start(rooms, size):
    """Taken for 0 bytes, it would let the spool grow over what it may."""
    rooms.receive(images(3))
    with closing(sqlite3.connect(rooms.spool.folder / DATABASE)) as connection:
        connection.execute(f"update image set bytes={size}")
        connection.commit()
    space = SpoolSpace(str(rooms.spool.folder))
    rooms.spool.close()
    for begin in (read_status, Spool):
        with pytest.raises(UsageError, match="the size of an image in it is no whole number"):
            begin(space)


@pytest.mark.parametrize("what", ["state='waiting'", "images='many'", "since='soon'", "why=x'00ff'"])
def test_a_series_that_this_version_cannot_read_is_told_by_the_status(rooms, what):
    rooms.receive(images(3))
    with closing(sqlite3.connect(rooms.spool.folder / DATABASE)) as connection:
        connection.execute(f"update series set {what}")
        connection.commit()
    with pytest.raises(UsageError, match="a series in it cannot be read"):
        read_status(SpoolSpace(str(rooms.spool.folder)))
