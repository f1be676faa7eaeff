"""The frame of every page that is written: self-contained, forbidden to load anything or to run a foreign script."""

from __future__ import annotations

import base64
import hashlib

from PDACScreeningLib.report.markup import Markup, element
from PDACScreeningLib.resources import resource

NOTHING_FROM_OUTSIDE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html_page(title: str, body: Markup, styles: tuple[str, ...] = ("style",), script: str = "") -> str:
    """A whole page as text. styles: names of the style sheets in Resources/report, put inside in this order.

    script: the only one that the page allows, by its digest; it runs when the body is read. Empty allows none.
    """
    if script:
        body = Markup(body.removesuffix("</body>") + f"<script>{script}</script></body>")
    sheets = (resource(f"report/{name}.css").read_text(encoding="utf-8") for name in styles)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup("".join(sheets))),
    )
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def _policy(script: str) -> str:
    if not script:
        return NOTHING_FROM_OUTSIDE
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return f"{NOTHING_FROM_OUTSIDE}; script-src 'sha256-{digest}'"
