"""The door: a server on 127.0.0.1 that lets in only the browser that opened its address.

The address that is printed holds a key for one use. Whoever brings it first gets a cookie that no script can read and
that no other site makes the browser send; every other request is refused. The name in the request must be this
machine's, so that no foreign name can be made to lead here, and what is sent must come from a page of this room.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.reading_room.exchange import Request, Response, problem, see_other

LOOPBACK = "127.0.0.1"
ENTER = "enter"
_NAMES = (LOOPBACK, "localhost")
_MOST_BYTES = 200_000  # of a form
_WAIT_S = 30.0  # for a browser that says nothing
_SHUT = "Open the address that the terminal shows. It lets one browser in; for another one, start the program again."
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

Answers = Callable[[Request], Response]


class RoomServer(ThreadingHTTPServer):
    """Serves one room on this machine alone."""

    daemon_threads = True

    def __init__(self, answers: Answers, port: int = 0) -> None:
        """port: 0 takes a free one. Raises OSError when it is taken."""
        self.answers = answers
        self.key = secrets.token_urlsafe(32)
        self._token: str | None = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, port), _Door)

    def server_bind(self) -> None:
        """Bind without asking a name server what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    @property
    def cookie(self) -> str:
        """The name of the cookie: browsers send one to every port of a machine."""
        return f"pdac-reading-{self.server_port}"

    @property
    def entrance(self) -> str:
        """The address to open, for one use."""
        return f"http://{LOOPBACK}:{self.server_port}/{ENTER}/{self._token}"

    def take_token(self, token: str) -> bool:
        """Whether this is the key, which is good once."""
        with self._lock:
            if self._token is None or not hmac.compare_digest(self._token.encode(), token.encode()):
                return False
            self._token = None
            return True


class _Door(BaseHTTPRequestHandler):
    server: RoomServer
    timeout = _WAIT_S
    server_version, sys_version = "PDACScreening", ""

    def do_GET(self) -> None:
        self._answer(is_post=False)

    def do_POST(self) -> None:
        self._answer(is_post=True)

    def log_message(self, format: str, *arguments: object) -> None:
        """Addresses name cases; they are not logged."""

    def _answer(self, *, is_post: bool) -> None:
        parts = tuple(unquote(part) for part in urlsplit(self.path).path.split("/") if part)
        try:
            self._send(self._enter(parts) or self._refused(is_post=is_post) or self._asked(parts, is_post=is_post))
        except OSError:  # the browser went away
            self.close_connection = True

    def _asked(self, parts: tuple[str, ...], *, is_post: bool) -> Response:
        if parts == ("favicon.ico",):  # browsers ask for one by themselves
            return Response(HTTPStatus.NO_CONTENT)
        form = self._form() if is_post else {}
        if form is None:
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is longer than can be stored.")
        try:
            return self.server.answers(Request(is_post, parts, form))
        except PDACScreeningError as error:
            return problem(HTTPStatus.CONFLICT, f"{str(error)[:1].upper()}{str(error)[1:]}.".replace("..", "."))
        except Exception:
            logging.getLogger(__name__).exception("a page could not be made")
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "An unexpected error; what was stored before is safe.")

    def _enter(self, parts: tuple[str, ...]) -> Response | None:
        """The browser that brings the key gets the cookie, and the key leaves its address."""
        if len(parts) != 2 or parts[0] != ENTER or not self._is_named_right():
            return None
        if self._has_cookie():
            return see_other("/")
        if not self.server.take_token(parts[1]):
            return None
        cookie = f"{self.server.cookie}={self.server.key}; HttpOnly; SameSite=Strict; Path=/"
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": "/", "Set-Cookie": cookie})

    def _refused(self, *, is_post: bool) -> Response | None:
        origin = self.headers.get("Origin")
        is_foreign = origin not in self._own_origins() and (is_post or origin is not None)
        if self._is_named_right() and not is_foreign and self._has_cookie():
            return None
        return Response(HTTPStatus.FORBIDDEN, _SHUT.encode())

    def _is_named_right(self) -> bool:
        return self.headers.get("Host") in {f"{name}:{self.server.server_port}" for name in _NAMES}

    def _own_origins(self) -> set[str]:
        return {f"http://{name}:{self.server.server_port}" for name in _NAMES}

    def _has_cookie(self) -> bool:
        pairs = (part.strip().partition("=") for part in self.headers.get("Cookie", "").split(";"))
        given = {name: value for name, _, value in pairs}.get(self.server.cookie, "")
        return hmac.compare_digest(given.encode(), self.server.key.encode())

    def _form(self) -> dict[str, str] | None:
        """What was filled in; None when it is too long."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            self.close_connection = True
            return None
        text = self.rfile.read(int(length)).decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in {
            **_HEADERS,
            "Content-Security-Policy": response.policy,
            "Content-Type": response.kind,
            "Content-Length": str(len(response.body)),
            **response.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)
