"""A report as values, written once and rendered as a web page and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paragraph:
    """Some sentences. is_warning: set apart, so that nobody overlooks them."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells for people; the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A picture of the experiment's folder. path: relative, as in "plots/roc.svg"."""

    path: str
    caption: str
    description: str  # for readers who do not see it
    is_wide: bool = True


Block = Paragraph | Table | Picture


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report. notices: stay in sight on the page."""

    title: str
    notices: tuple[str, ...]
    sections: tuple[Section, ...]
