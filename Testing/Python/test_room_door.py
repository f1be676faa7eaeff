"""Who is let into the reading room, and what every answer forbids."""

import threading

import pytest
from reading_cases import Browser

from PDACScreeningLib.reading_room.exchange import Response
from PDACScreeningLib.reading_room.server import RoomServer


@pytest.fixture
def bare():
    """A server with one page, and nobody in it yet."""
    server = RoomServer(lambda request: Response(200, b"in"))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_nobody_is_let_in_without_the_key(bare):
    port = bare.server_port
    for path in ("/", "/enter/wrong", "/enter/", f"/?token={bare.key}"):
        assert Browser(port).ask(path)[0] == 403
    assert Browser(port, f"{bare.cookie}=wrong").ask("/")[0] == 403


def test_the_key_is_good_once_and_the_browser_that_brought_it_stays_in(bare):
    entrance = bare.entrance
    browser = Browser(bare.server_port).enter(entrance)
    assert browser.get("/") == b"in"
    assert browser.ask("/enter/" + entrance.rpartition("/")[2])[0] == 303  # the same browser again
    assert Browser(bare.server_port).ask("/enter/" + entrance.rpartition("/")[2])[0] == 403


def test_the_cookie_is_no_scripts_and_no_other_sites(bare):
    _, headers, _ = Browser(bare.server_port).ask("/enter/" + bare.entrance.rpartition("/")[2])
    assert {"HttpOnly", "SameSite=Strict"} <= set(headers["Set-Cookie"].split("; "))


@pytest.mark.parametrize(
    "foreign",
    [{"Host": "evil.example:80"}, {"Host": "127.0.0.1"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
)
@pytest.mark.parametrize("form", [None, {"a": "b"}])
def test_a_foreign_name_or_page_is_refused_whatever_it_knows(bare, foreign, form):
    browser = Browser(bare.server_port).enter(bare.entrance)
    assert browser.ask("/", form, headers=foreign)[0] == 403


def test_the_key_does_not_open_under_a_foreign_name(bare):
    path = "/enter/" + bare.entrance.rpartition("/")[2]
    assert Browser(bare.server_port).ask(path, headers={"Host": "evil.example:80"})[0] == 403
    Browser(bare.server_port).enter(bare.entrance)  # it is still good


def test_what_is_sent_must_say_where_it_comes_from(bare):
    browser = Browser(bare.server_port).enter(bare.entrance)
    assert browser.ask("/", method="POST", headers={"Content-Length": "0"})[0] == 403


def test_a_form_without_end_is_not_read(bare):
    browser = Browser(bare.server_port).enter(bare.entrance)
    assert browser.ask("/", {"a": "b"}, headers={"Content-Length": str(10**9)})[0] == 413


def test_every_answer_forbids_to_keep_to_frame_and_to_guess(room_browser):
    for path in ("/", "/case/scan-001", "/case/scan-001/picture", "/case/scan-001/voxels/gray/0", "/nowhere"):
        _, headers, _ = room_browser.ask(path)
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe-inline" not in headers["Content-Security-Policy"].partition("script-src")[2]


@pytest.mark.parametrize(
    "path",
    ["/case/..%2f..%2fetc%2fpasswd", "/case/scan-001/../../x", "/case/scan-001/voxels/gray/99", "/case/scan-009",
     "/case/scan-001/voxels/..%2fscreening.json/0", "/case/scan-001/voxels/gray/-1", "/case/%00", "/reading.sqlite"],
)  # fmt: skip
def test_there_is_nothing_but_the_pages(room_browser, path):
    assert room_browser.ask(path)[0] == 404
