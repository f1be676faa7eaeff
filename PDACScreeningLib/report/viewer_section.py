"""The scan to scroll through, inside the page: its controls in words, its data, and the one script that draws."""

from __future__ import annotations

import json

from PDACScreeningLib.report.markup import Markup, element, fragment
from PDACScreeningLib.report.viewer_scan import ViewerScan
from PDACScreeningLib.resources import resource

SCRIPT = "report/viewer.js"
_VIEWS = (("axial", "Axial slice"), ("coronal", "Coronal slice"), ("sagittal", "Sagittal slice"))
_BUTTONS = (
    ("o", "Outlines"),
    ("p", "Previous"),
    ("n", "Next finding"),
    ("a", "Abdomen 400/40"),
    ("d", "Pancreas 250/80"),
    ("s", "Narrow 150/80"),
    ("+", "Zoom in"),
    ("-", "Zoom out"),
)
_WORDS = {
    "window": "W {window} L {level}",
    "probe": "{place}: {hu} HU, {label}",
    "probability": ", tumor probability {probability}",
    "labels": ["not labeled", "pancreas", "tumor"],
    "off": "off",
    "explored": "{threshold}: {ml} mL above it. Exploration, not the result",
}
_HELP = (
    "Wheel or arrow keys scroll, a click moves the other planes, the right button or Shift changes the window. "
    "Blue: pancreas. Orange: tumor. Densities are rounded to 2 HU and end at -200 and 310 HU. "
    "The page holds the part of the scan around the pancreas."
)


def viewer_script() -> str:
    """The script of the page."""
    return resource(SCRIPT).read_text(encoding="utf-8")


def viewer_section(scan: ViewerScan) -> Markup:
    """Hidden until the script has read it: without scripts the key images stay."""
    panes = [_pane(name, words) for name, words in _VIEWS]
    probe = element("p", id="viewer-probe", class_="probe")
    finding = element("p", id="viewer-finding", class_="probe")
    return element(
        "section",
        element("h2", "Scroll the scan"),
        element("div", *panes, class_="panes"),
        element("div", _slider(), *(_button(key, words) for key, words in _BUTTONS), class_="controls"),
        _exploration(scan),
        finding,
        probe,
        element("p", _HELP, class_="quiet"),
        _data("viewer-facts", "application/json", json.dumps(scan.facts, allow_nan=False)),
        _data("viewer-words", "application/json", json.dumps(_WORDS)),
        _data("viewer-voxels", "text/plain", scan.voxels),
        id="viewer",
        class_="viewer",
        tabindex="0",
        hidden=True,
        aria_label="Scroll the scan",
    )


def _pane(name: str, words: str) -> Markup:
    label = f"{words} of the CT with outlines of pancreas and tumor"
    return element("div", element("canvas", id=name, role="img", aria_label=label), class_=name)


def _slider() -> Markup:
    slider = element("input", id="viewer-slice", type="range", min="0", step="1", value="0")
    return element("label", "Slice ", slider)


def _button(key: str, words: str) -> Markup:
    return element("button", words, " ", element("kbd", key), type="button", data_key=key)


def _exploration(scan: ViewerScan) -> Markup:
    """What is not the answer: each network alone, and the probability on the scan's grid, which no call rests on."""
    boxes = [
        element("label", element("input", type="checkbox", data_network=str(place)), f" {name}")
        for place, name in enumerate(scan.facts["networks"])
    ]
    slider: Markup = fragment()
    if scan.facts["hasProbability"]:
        bar = element("input", id="viewer-threshold", type="range", min="0", max="0.95", step="0.05", value="0")
        slider = fragment(
            element("label", "Explore tumor probability ", bar), element("output", "off", id="viewer-explored")
        )
    return element("div", *boxes, slider, class_="controls")


def _data(name: str, kind: str, content: str) -> Markup:
    """Data that no browser runs. A `<` inside could end it early."""
    return element("script", Markup(content.replace("<", "\\u003c")), id=name, type=kind)
