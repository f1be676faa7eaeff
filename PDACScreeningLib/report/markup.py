"""HTML that cannot be broken by what it shows: every text is escaped unless it already is markup."""

from __future__ import annotations

import html

_WITHOUT_END_TAG = {"br", "img", "input", "link", "meta"}


class Markup(str):
    """Text that is HTML already. Only `element`, `fragment` and the page itself make it."""

    __slots__ = ()


Content = str | Markup


def element(tag: str, /, *content: Content, **attributes: str | bool | None) -> Markup:
    """One HTML element; a `str` is escaped, `Markup` is not.

    attributes: a trailing underscore is dropped (`class_`), others become hyphens (`data_label`); True gives the bare
    name, None and False nothing.
    """
    start = f"<{tag}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Markup(start if tag in _WITHOUT_END_TAG else f"{start}{fragment(*content)}</{tag}>")


def fragment(*content: Content) -> Markup:
    """Content one after the other, without an element around it."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part) for part in content))


def definitions(entries: list[tuple[str, Content]]) -> Markup:
    """A list of names and values; entries with an empty value are left out."""
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in entries if value]
    return element("dl", *pairs)


def table(caption: str, columns: list[str], rows: list[list[Content]]) -> Markup:
    """A table whose first column names the row; each cell knows its column, so that a phone can stack them."""
    head = element("thead", element("tr", *(element("th", column, scope="col") for column in columns)))
    body = []
    for first, *others in rows:
        named = zip(columns[1:], others, strict=True)
        cells = [element("td", element("span", value), data_label=column) for column, value in named]
        body.append(element("tr", element("th", first, scope="row"), *cells))
    return element("table", element("caption", caption), head, element("tbody", *body))


def section(title: str, *content: Content, class_: str | None = None) -> Markup:
    """A part of the page with its heading."""
    return element("section", element("h2", title), *content, class_=class_)


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(value)}"'
