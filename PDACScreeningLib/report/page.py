"""The frame of every page that is written: self-contained, forbidden to load anything or to run a foreign script."""

from __future__ import annotations

import base64
import hashlib

from PDACScreeningLib.report.markup import Markup, element
from PDACScreeningLib.resources import resource

NOTHING_FROM_OUTSIDE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
FROM_ITS_SERVER = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'"
)


def html_page(
    title: str,
    body: Markup,
    styles: tuple[str, ...] = ("style",),
    script: str = "",
    sources: str = NOTHING_FROM_OUTSIDE,
) -> str:
    """A whole page as text. styles: names of the style sheets in Resources/report, put inside in this order.

    script: the only one that the page allows, by its digest; it runs when the body is read. Empty allows none.
    sources: what the page may load: nothing, or what the server hands out that it comes from.
    """
    if script:
        body = Markup(body.removesuffix("</body>") + f"<script>{script}</script></body>")
    sheets = (resource(f"report/{name}.css").read_text(encoding="utf-8") for name in styles)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy(script, sources)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer" if sources == NOTHING_FROM_OUTSIDE else "same-origin"),
        element("title", title),
        element("style", Markup("".join(sheets))),
    )
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def policy(script: str, sources: str = NOTHING_FROM_OUTSIDE) -> str:
    """The content security policy of a page with this script."""
    if not script:
        return sources
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return f"{sources}; script-src 'sha256-{digest}'"
