"""The frame of every page that is written: self-contained, without scripts, and forbidden to load anything."""

from __future__ import annotations

from PDACScreeningLib.report.markup import Markup, element
from PDACScreeningLib.resources import resource

NOTHING_FROM_OUTSIDE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html_page(title: str, body: Markup, styles: tuple[str, ...] = ("style",)) -> str:
    """A whole page as text. styles: names of the style sheets in Resources/report, put inside in this order."""
    sheets = (resource(f"report/{name}.css").read_text(encoding="utf-8") for name in styles)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=NOTHING_FROM_OUTSIDE),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup("".join(sheets))),
    )
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"
