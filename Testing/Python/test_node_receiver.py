"""The door of the node: who may send, and what every answer to an image means."""

import socket
import time

import pytest
from node_parts import Rooms, images
from node_process import free_port, send
from pynetdicom import AE
from pynetdicom.sop_class import EncapsulatedPDFStorage, Verification

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.node.pacs import Commitments
from PDACScreeningLib.node.receiver import Receiver

SUCCESS, NO_ROOM, CONFLICT, MISMATCH = 0x0000, 0xA700, 0x0111, 0xA900


class Door(Rooms):
    """The rooms of a node with a door to the network."""

    def __init__(self, folder, **tables):
        self.port = free_port()
        tables["node"] = {"port": self.port, "callers": ["SCANNER"], **tables.get("node", {})}
        super().__init__(folder, **tables)
        self.lines = []
        self.receiver = Receiver(self.config.node, self.spool, Commitments(), self.lines.append)
        self.receiver.start()

    def close(self):
        self.receiver.stop()
        self.spool.close()


@pytest.fixture
def door(tmp_path):
    made = Door(tmp_path)
    yield made
    made.close()


def test_images_are_taken_and_counted(door):
    assert send(door, images(3)) == [SUCCESS] * 3
    assert (door.state, door.row.images) == ("receiving", 3)


@pytest.mark.parametrize("titles", [("STRANGER", "PDAC"), ("SCANNER", "WRONG")])
def test_who_may_not_call_or_calls_another_is_rejected_and_told(door, titles):
    assert send(door, images(1), titles=titles) is None
    assert door.lines == [f"an association was rejected from {titles[0]!r} for {titles[1]!r}"]
    assert door.rows == []


def test_without_names_everybody_on_this_machine_may_send(tmp_path):
    door = Door(tmp_path, node={"callers": []})
    assert send(door, images(1), titles=("STRANGER", "PDAC")) == [SUCCESS]
    door.close()


def test_what_is_no_ct_is_taken_and_dropped(door):
    [document] = images(1, Modality="DOC", SOPClassUID=EncapsulatedPDFStorage)
    assert send(door, [document, *images(1)]) == [SUCCESS, SUCCESS]
    assert (door.spool.database.dropped(), door.row.images) == (1, 1)


def test_a_full_spool_answers_that_it_is_out_of_resources(tmp_path):
    door = Door(tmp_path, spool={"max_gib": 5000 / 2**30})
    assert send(door, images(3)) == [SUCCESS, SUCCESS, NO_ROOM]
    assert door.lines == [f"series {door.row.key[:8]}: an image was not taken (no room)"]
    door.close()


def test_the_same_image_again_is_taken_and_another_of_its_identifier_is_not(door):
    assert send(door, [*images(1), *images(1)]) == [SUCCESS, SUCCESS]
    assert send(door, images(1, PatientID="OTHER")) == [CONFLICT]
    assert send(door, images(1, number=1, SeriesInstanceUID="")) == [MISMATCH]


def test_an_echo_is_answered(door):
    entity = AE("SCANNER")
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", door.port, ae_title="PDAC")
    assert association.send_c_echo().Status == SUCCESS
    association.release()


def test_a_taken_port_is_a_sentence_that_names_the_key(tmp_path, door):
    other = Rooms(tmp_path / "other", node={"port": door.port})
    with pytest.raises(UsageError, match=r"node\.port"):
        Receiver(other.config.node, other.spool, Commitments(), print).start()
    other.spool.close()


def test_the_door_closes_soon_also_when_a_peer_stays(door):
    entity = AE("SCANNER")
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", door.port, ae_title="PDAC")
    began = time.monotonic()
    door.receiver.stop()
    assert time.monotonic() - began < 10
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", door.port))
    association.abort()
    door.receiver.start()
