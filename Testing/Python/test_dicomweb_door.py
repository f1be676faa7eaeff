"""The DICOMweb door: what a server sends that cannot be used holds up neither the node nor other series."""

import datetime
import sqlite3

import pytest
from node_parts import Rooms, images

pytest.importorskip("dicomweb_client")

from PDACScreeningLib.node import dicomweb_door
from PDACScreeningLib.node.config import DicomWeb


def listed(uid, count):
    values = {"0020000D": "1.2.3", "0020000E": uid, "00080060": "CT", "00201209": count}
    return {tag: {"Value": [value]} for tag, value in values.items()}


class Server:
    """Series by their identifier; an exception in place of an image is raised when that is fetched."""

    def __init__(self, **_):
        self.held, self.broken = {}, None

    def set_http_retry_params(self, **_):
        pass

    def search_for_studies(self, **_):
        if self.broken is not None:
            raise self.broken
        return [listed("", 0)]

    def search_for_series(self, _study, **_):
        return [listed(uid, len(images)) for uid, images in self.held.items()]

    def iter_series(self, _study, series, **_):
        for image in self.held[series]:
            if isinstance(image, Exception):
                raise image
            yield image


@pytest.fixture
def door(tmp_path, monkeypatch):
    monkeypatch.setattr(dicomweb_door, "DICOMwebClient", Server)
    rooms, told = Rooms(tmp_path), []
    web = DicomWeb(url="http://127.0.0.1:1", poll_s=1e-9)
    made = dicomweb_door.DicomWebDoor(web, rooms.spool, told.append, lambda: datetime.date(2026, 11, 28))
    made.told, made.spooled = told, lambda: rooms.spool.database.spooled_bytes()
    yield made
    rooms.spool.close()


def unwritable():
    """A data set that cannot be written as a file."""
    (dataset,) = images(1)
    dataset[0x00280010]._value = "many"
    return dataset


@pytest.mark.parametrize("first", [unwritable(), AttributeError("damaged"), TypeError("damaged"), EOFError()])
def test_a_series_that_cannot_be_fetched_holds_up_no_other(door, first):
    door._client.held = {"1.2.3.1": [first], "1.2.3.2": images()}
    assert door.step()
    assert door.spooled() > 0
    (line,) = door.told
    assert "could not be fetched" in line
    assert "1.2.3" not in line


@pytest.mark.parametrize("error", [AttributeError("a"), TypeError("a"), OSError("a")])
def test_a_server_that_answers_nonsense_is_asked_again(door, error):
    door._client.broken = error
    assert not door.step()
    assert "could not be asked" in door.told[0]
    door._client.broken, door._client.held = None, {"1.2.3.2": images()}
    assert door.step()


def test_a_spool_that_cannot_be_asked_is_no_fault_of_the_server(door):
    door._client.held = {"1.2.3.2": images(1)}
    door._spool.database.close()
    with pytest.raises(sqlite3.Error):
        door.step()
    assert door.told == []
