"""What a browser asks for and what it gets: plain values, so that rooms know nothing of sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote

from PDACScreeningLib.report.markup import Content, Markup, element
from PDACScreeningLib.report.page import FROM_ITS_SERVER, html_page, policy
from PDACScreeningLib.screening_result import RESEARCH_NOTICE

NOTHING = "default-src 'none'; sandbox"
_NO_FRAMES = "; frame-ancestors 'none'"


@dataclass(frozen=True)
class Request:
    """A question that was let in. parts: of the path, decoded; () is the first page. form: what was filled in."""

    is_post: bool
    parts: tuple[str, ...]
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """An answer. policy: what the browser may do with it."""

    status: HTTPStatus
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    policy: str = NOTHING
    headers: Mapping[str, str] = field(default_factory=dict)


def address(*parts: str | int) -> str:
    """The path of parts, whatever is in them."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def page(title: str, *content: Content, script: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A page of the reading room, with the notice at its top."""
    header = element("header", element("span", RESEARCH_NOTICE), element("span", title), class_="research")
    body = element("body", header, element("main", *content, class_="room"))
    text = html_page(title, body, ("style", "reading_room"), script, FROM_ITS_SERVER)
    rules = policy(script, FROM_ITS_SERVER) + _NO_FRAMES
    return Response(status, text.encode(), "text/html; charset=utf-8", rules)


def problem(status: HTTPStatus, sentence: str) -> Response:
    """A page that says what is wrong."""
    back = element("p", element("a", "Back to the list", href="/"))
    return page("Reading room", element("section", element("h1", sentence), back), status=status)


def see_other(to: str) -> Response:
    """Go there next: a form that was sent is not sent again when the page is loaded again."""
    return Response(HTTPStatus.SEE_OTHER, headers={"Location": to})


def not_here() -> Response:
    """There is no such page."""
    return problem(HTTPStatus.NOT_FOUND, "There is no such page.")


def link(words: Content, *parts: str | int, **attributes: str) -> Markup:
    """A link to a page of the room."""
    return element("a", words, href=address(*parts), **attributes)


def post_form(to: str, *content: Content, **attributes: str) -> Markup:
    """A form that is sent to an address of the room."""
    return element("form", *content, method="post", action=to, **attributes)
