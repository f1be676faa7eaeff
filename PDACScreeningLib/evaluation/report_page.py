"""A report as one self-contained page: no script, no address, pictures inside; the house style of `report.html`."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from PDACScreeningLib.evaluation.document import Block, Document, Paragraph, Picture, Section
from PDACScreeningLib.report.markup import Content, Markup, element, fragment, section, table
from PDACScreeningLib.report.page import html_page

_INTERVAL = re.compile(r"(\([\d.]+)-([\d.]+\))")
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def to_html(report: Document, folder: Path) -> str:
    """The whole page. folder: of the experiment, where the pictures lie."""
    notices = fragment(*(element("span", notice) for notice in report.notices))
    body = element(
        "body",
        element("header", notices, class_="research"),
        element("main", element("h1", report.title), *(_section(one, folder) for one in report.sections)),
        class_="evaluation",
    )
    return html_page(report.title, body, ("style", "evaluation"))


def _section(one: Section, folder: Path) -> Markup:
    """Small pictures that follow each other stand side by side."""
    content: list[Content] = []
    row: list[Markup] = []
    for block in one.blocks:
        if isinstance(block, Picture) and not block.is_wide:
            row.append(_picture(block, folder))
            continue
        content += [_row(row), _block(block, folder)]
        row = []
    return section(one.title, *content, _row(row))


def _row(pictures: list[Markup]) -> Markup:
    return element("div", *pictures, class_="grid") if pictures else fragment()


def _block(block: Block, folder: Path) -> Markup:
    if isinstance(block, Paragraph):
        return element("p", block.text, class_="warning" if block.is_warning else None)
    if isinstance(block, Picture):
        return _picture(block, folder)
    if not block.rows:
        return element("p", f"{block.caption}: none.")
    rows: list[list[Content]] = [[_unbroken(cell) for cell in row] for row in block.rows]
    return element("div", table(block.caption, list(block.columns), rows), class_="scroll")


def _unbroken(cell: str) -> str:
    """No line ends within an interval or before a unit."""
    within = _INTERVAL.sub("\\1\N{NON-BREAKING HYPHEN}\\2", cell)
    return within.replace(" %", "\N{NO-BREAK SPACE}%").replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")


def _picture(picture: Picture, folder: Path) -> Markup:
    path = folder / picture.path
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    image = element("img", src=f"data:{_TYPES[path.suffix]};base64,{data}", alt=picture.description)
    return element("figure", image, element("figcaption", picture.caption), class_="plot" if picture.is_wide else None)
