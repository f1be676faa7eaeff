"""The scan to scroll through, inside the page: its controls in words, its data, and the one script that draws."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from PDACScreeningLib.report.markup import Markup, element, fragment
from PDACScreeningLib.resources import resource

SCRIPT, SERVED_SCRIPT = "report/viewer.js", "report/served_scan.js"
_VIEWS = (("axial", "Axial slice"), ("coronal", "Coronal slice"), ("sagittal", "Sagittal slice"))
_ABOUT_LABELS = (("o", "Outlines"), ("p", "Previous"), ("n", "Next finding"))
_BUTTONS = (
    ("a", "Abdomen 400/40"),
    ("d", "Pancreas 250/80"),
    ("s", "Narrow 150/80"),
    ("+", "Zoom in"),
    ("-", "Zoom out"),
)
_WORDS = {
    "window": "W {window} L {level}",
    "probe": "{place}: {hu} HU",
    "loading": "Loading the scan: {done} of {total} parts",
    "lost": "The scan could not be loaded. Load the page again; if that does not help, start the program again.",
}
_WORDS_ABOUT_LABELS = {
    "probe": "{place}: {hu} HU, {label}",
    "probability": ", tumor probability {probability}",
    "labels": ["not labeled", "pancreas", "tumor"],
    "off": "off",
    "explored": "{threshold}: {ml} mL above it. Exploration, not the result",
}
_HELP = (
    "Wheel or arrow keys scroll, a click moves the other planes, the right button or Shift changes the window. "
    "Densities are rounded to 2 HU and end at -200 and 310 HU."
)
_COLORS = "Blue: pancreas. Orange: tumor."
_PART = "The page holds the part of the scan around the pancreas."
_WHOLE = "This is the whole scan."


def viewer_script() -> str:
    """The script of a page that holds its voxels."""
    return resource(SCRIPT).read_text(encoding="utf-8")


def served_viewer_script() -> str:
    """The script of a page whose voxels come from its server."""
    return resource(SERVED_SCRIPT).read_text(encoding="utf-8") + viewer_script()


def viewer_section(facts: Mapping[str, Any], voxels: str | None = None) -> Markup:
    """Hidden until the script has read it: without scripts the key images stay.

    facts: of `viewer_scan` with its voxels, or of a `ServedScan`, whose voxels come in pieces. Where nothing is labeled
    there are no words about labels either.
    """
    labeled = bool(facts["labeled"])
    panes = [_pane(name, words, labeled=labeled) for name, words in _VIEWS]
    buttons = [_button(key, words) for key, words in (*(_ABOUT_LABELS if labeled else ()), *_BUTTONS)]
    content = [
        element("h2", "Scroll the scan"),
        element("div", *panes, class_="panes"),
        element("div", _slider(), *buttons, class_="controls"),
        _exploration(facts),
        element("p", id="viewer-finding", class_="probe") if labeled else fragment(),
        element("p", id="viewer-probe", class_="probe"),
        element("p", " ".join(_help(labeled=labeled, whole=voxels is None)), class_="quiet"),
        _data("viewer-facts", "application/json", json.dumps(facts, allow_nan=False)),
        _data("viewer-words", "application/json", json.dumps(_WORDS | (_WORDS_ABOUT_LABELS if labeled else {}))),
        fragment() if voxels is None else _data("viewer-voxels", "text/plain", voxels),
    ]
    title = "Scroll the scan"
    section = element("section", *content, id="viewer", class_="viewer", tabindex="0", hidden=True, aria_label=title)
    return section if voxels is not None else fragment(element("p", id="viewer-wait", role="status"), section)


def _help(*, labeled: bool, whole: bool) -> Iterator[str]:
    yield _HELP
    if labeled:
        yield _COLORS
    yield _WHOLE if whole else _PART


def _pane(name: str, words: str, *, labeled: bool) -> Markup:
    label = f"{words} of the CT{' with outlines of pancreas and tumor' if labeled else ''}"
    return element("div", element("canvas", id=name, role="img", aria_label=label), class_=name)


def _slider() -> Markup:
    slider = element("input", id="viewer-slice", type="range", min="0", step="1", value="0")
    return element("label", "Slice ", slider)


def _button(key: str, words: str) -> Markup:
    return element("button", words, " ", element("kbd", key), type="button", data_key=key)


def _exploration(facts: Mapping[str, Any]) -> Markup:
    """What is not the answer: each network alone, and the probability on the scan's grid, which no call rests on."""
    boxes = [
        element("label", element("input", type="checkbox", data_network=str(place)), f" {name}")
        for place, name in enumerate(facts["networks"])
    ]
    slider: Markup = fragment()
    if facts["hasProbability"]:
        bar = element("input", id="viewer-threshold", type="range", min="0", max="0.95", step="0.05", value="0")
        slider = fragment(
            element("label", "Explore tumor probability ", bar), element("output", "off", id="viewer-explored")
        )
    return element("div", *boxes, slider, class_="controls")


def _data(name: str, kind: str, content: str) -> Markup:
    """Data that no browser runs. A `<` inside could end it early."""
    return element("script", Markup(content.replace("<", "\\u003c")), id=name, type=kind)
