"""Nothing that a node leaves outside of its images and results names a patient, and neither does what it tells."""

import json

import pytest
from node_parts import OrderEnd, Rooms, images
from test_privacy import MARKER, mark

from PDACScreeningLib.node.admission import Admission
from PDACScreeningLib.node.config import Rules
from PDACScreeningLib.node.status import read_status, status_text
from PDACScreeningLib.plain_data import to_plain


@pytest.fixture
def rooms(tmp_path):
    made = Rooms(tmp_path)
    yield made
    made.spool.close()


def marked(number=0):
    slices = images(number=number)
    for one in slices:
        kept = {name: one[name].value for name in ("SOPClassUID", "Modality")}
        mark(one)
        for name, value in kept.items():
            setattr(one, name, value)
    return slices


def everything_told(rooms):
    """Names of the spool, its files but for images and results, the log, the status."""
    spool = rooms.spool.folder
    status = read_status(rooms.config.spool)
    texts = [str(path.relative_to(spool)) for path in spool.rglob("*")]
    texts += [path.read_bytes().decode("latin-1") for path in spool.iterdir() if path.is_file()]
    return "\n".join([*texts, repr(rooms.told), status_text(status), json.dumps(to_plain(status))])


def test_markers_and_identifiers_of_a_series_are_in_its_files_and_nowhere_else(rooms):
    slices = marked()
    rooms.receive(slices)
    rooms.pass_quietly()
    rooms.work()
    assert rooms.state == "sent"
    rooms.child.ended = OrderEnd(None, "The machine ran out of memory.")
    rooms.receive(marked(1)[:7])
    rooms.pass_quietly(200)
    text = everything_told(rooms)
    one = slices[0]
    hidden = [MARKER, "19770517", one.SOPInstanceUID, one.SeriesInstanceUID, one.StudyInstanceUID]
    assert [word for word in hidden if word.lower() in text.lower()] == []
    inside = b"".join(path.read_bytes() for path in (rooms.spool.folder / "images").rglob("*.dcm"))
    assert all(word.encode() in inside for word in hidden)  # the search would find them


def test_a_refusal_by_rule_repeats_no_word_of_a_header(rooms):
    rooms.receive(marked())
    for rules in (Rules(description_excludes=(MARKER,)), Rules(body_parts=("head",)), Rules(min_images=99)):
        config = type(rooms.config)(**{**vars(rooms.config), "rules": rules})
        why = Admission(config, rooms.spool, rooms.pacs, rooms._tell, rooms.clock)._why_not(rooms.row)
        assert why
        assert MARKER.lower() not in why.lower()
