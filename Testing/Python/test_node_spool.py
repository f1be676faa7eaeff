"""What was acknowledged is on the disk, whatever happens; names tell nobody whose it is."""

import hashlib
import os
import sqlite3
import stat
import sys

import pytest
from node_parts import Clock, file_of, images, plain_config, received

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import DataError, FolderInUse, UsageError
from PDACScreeningLib.node.config import config_of
from PDACScreeningLib.node.received_image import file_image, key_of
from PDACScreeningLib.node.spool import Receipt, Spool


def files(rooms):
    return sorted((rooms.spool.folder / "images").rglob("*.dcm"))


def test_an_image_is_kept_as_it_was_sent(rooms):
    [one] = images(1)
    assert rooms.receive([one]) == [Receipt.STORED]
    [path] = files(rooms)
    assert path.read_bytes() == file_of(one)
    assert path.stem == key_of(one.SOPInstanceUID)
    assert path.parent.name == key_of(one.SeriesInstanceUID)
    assert rooms.row.images == 1


def test_file_folder_and_row_are_on_the_disk_before_it_is_told_so(rooms, monkeypatch):
    order = []
    real_fsync, real_add = os.fsync, rooms.spool.database.add_image

    def fsync(handle):
        order.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real_fsync(handle)

    def add(image):
        order.append("row")
        real_add(image)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(rooms.spool.database, "add_image", add)
    rooms.receive(images(2))
    assert order == ["file", "folder", "folder", "row", "file", "folder", "row"]
    [(mode,)] = rooms.spool.database._ask("pragma synchronous")
    assert (mode, rooms.spool.database._ask("pragma journal_mode")) == (2, [("wal",)])


def test_the_same_image_again_is_known_and_another_of_its_identifier_is_not_taken(rooms):
    one, two = images(2)
    rooms.receive([one, two])
    assert rooms.receive([one]) == [Receipt.KNOWN]
    one.PatientID = "OTHER"
    assert rooms.receive([one]) == [Receipt.CONFLICT]
    assert hashlib.sha256(files(rooms)[0].read_bytes()).hexdigest() in {
        hashlib.sha256(file_of(dataset)).hexdigest() for dataset in images(2)
    }
    assert rooms.row.conflict


def test_an_image_that_is_in_another_series_already_is_not_taken(rooms):
    [one], [two] = images(1), images(1, number=1)
    rooms.receive([one])
    two.SOPInstanceUID = two.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    assert rooms.receive([two]) == [Receipt.CONFLICT]
    assert {row.key: row.conflict for row in rooms.rows} == {
        key_of(one.SeriesInstanceUID): False,
        key_of(two.SeriesInstanceUID): True,
    }


def test_a_full_spool_and_a_full_disk_take_nothing_more(tmp_path):
    config = config_of(plain_config(tmp_path, spool={"max_gib": 5000 / 2**30, "keep_free_gib": 1}))
    free = [2**31]
    spool = Spool(config.spool, Clock(), free=lambda _path: free[0])
    sizes = [len(file_of(dataset)) for dataset in images(3)]
    assert all(2000 < size < 2500 for size in sizes)
    receipts = [spool.receive(received(dataset)) for dataset in images(3)]
    assert receipts == [Receipt.STORED, Receipt.STORED, Receipt.NO_ROOM]
    spool.close()
    spool = Spool(config_of(plain_config(tmp_path)).spool, Clock(), free=lambda _path: 9000)
    assert spool.receive(received(images(3)[2])) is Receipt.STORED  # nothing is to be kept free
    spool.close()
    config = config_of(plain_config(tmp_path, spool={"keep_free_gib": 1}))
    spool = Spool(config.spool, Clock(), free=lambda _path: 2**30)
    assert spool.receive(received(images(4)[3])) is Receipt.NO_ROOM
    spool.close()


@pytest.mark.parametrize("broken", ["file", "row"])
def test_what_cannot_be_written_is_not_acknowledged_and_leaves_nothing(rooms, monkeypatch, broken):
    def full(*_arguments, **_keywords):
        raise sqlite3.OperationalError("database or disk is full") if broken == "row" else OSError(28, "No space left")

    owner, name = (rooms.spool.database, "add_image") if broken == "row" else (atomic_file, "_write_all")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full)
        assert rooms.receive(images(1)) == [Receipt.NO_ROOM]
    assert files(rooms) == []
    assert rooms.receive(images(1)) == [Receipt.STORED]


def test_files_that_were_never_acknowledged_are_gone_after_a_start_and_the_others_are_there(rooms):
    rooms.receive(images(3))
    kept = files(rooms)
    folder = kept[0].parent
    (folder / f"{'0' * 32}.dcm").write_bytes(b"written, then killed before its row")
    (folder / f"{atomic_file.PARTIAL}12ab-x.dcm").write_bytes(b"half")
    (folder.parent / ("1" * 32)).mkdir()
    rooms.again()
    assert files(rooms) == kept
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert rooms.spool.used_bytes == sum(path.stat().st_size for path in kept)


def test_two_nodes_do_not_share_a_spool(rooms):
    with pytest.raises(FolderInUse, match="another node"):
        Spool(rooms.config.spool)


def test_a_spool_that_cannot_be_used_is_a_sentence_that_names_the_key(tmp_path):
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(UsageError, match=r"spool\.folder"):
        Spool(config_of(plain_config(tmp_path)).spool)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_the_spool_is_its_users_alone(rooms):
    assert stat.S_IMODE(rooms.spool.folder.stat().st_mode) == 0o700


def test_images_and_results_go_when_they_are_old_and_not_before(rooms):
    rooms.receive(images())
    rooms.pass_quietly()
    rooms.work()
    assert rooms.state == "sent"
    rooms.clock.wait(6.9 * 86400)
    assert rooms.spool.remove_old() == 0
    rooms.clock.wait(0.2 * 86400)
    assert rooms.spool.remove_old() == 1
    assert files(rooms) == []
    assert list((rooms.spool.folder / "results").iterdir()) == []
    assert (rooms.state, rooms.row.images, rooms.spool.used_bytes) == ("sent", 0, 0)


def test_series_that_have_not_ended_are_never_deleted(rooms):
    rooms.receive(images())
    rooms.clock.wait(100 * 86400)
    assert rooms.spool.remove_old() == 0
    assert len(files(rooms)) == len(images())


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 200, file_of(images(1)[0])[:300], b"x" * 128 + b"DICM" + b"\2\0\0\0UL\4\0\xff\xff\xff\xff"],
)
def test_damaged_bytes_are_refused_by_our_own_error(content):
    with pytest.raises(DataError):
        file_image(content)


def test_an_object_without_series_or_of_another_identifier_than_told_is_refused():
    [one] = images(1)
    one.SeriesInstanceUID = ""
    with pytest.raises(DataError, match="names no series"):
        received(one)
    [one] = images(1)
    uid = one.SOPInstanceUID.encode()
    content = file_of(one).replace(uid, uid[:-1] + (b"1" if uid[-1:] == b"2" else b"2"), 1)  # of the file's header
    with pytest.raises(DataError, match="another object"):
        file_image(content)
