"""The key images on the page: pictures with outlines that a check box takes away, and the legend."""

from __future__ import annotations

import base64

from PDACScreeningLib.report.key_images import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU, KeyImage, KeyImageSet
from PDACScreeningLib.report.markup import Markup, element, fragment, section
from PDACScreeningLib.report.outline import LINES
from PDACScreeningLib.report.quantity import position
from PDACScreeningLib.report.segment_terminology import segment_of


def figures_section(sets: tuple[KeyImageSet, ...]) -> Markup:
    """Every key image with its place in the patient; nothing when there are none."""
    if not sets:
        return fragment()
    outlined = any(image.outlines_png for one in sets for image in one.images)
    groups = [_group(one) for one in sets]
    return section(
        "Key images",
        _switch() if outlined else "",
        element("div", *groups, class_="figures"),
        _legend(outlined),
        class_="key-images",
    )


def _switch() -> Markup:
    """A check box that works without scripts: the style sheet hides the outlines when it is off."""
    box = element("input", type="checkbox", id="show-outlines", checked=True)
    return fragment(box, element("label", "Show outlines", for_="show-outlines"))


def _group(images: KeyImageSet) -> Markup:
    i, j, k = images.voxel_xyz
    place = f"Through {images.target}: {position(images.point_lps_mm)} (voxel {i}, {j}, {k} of the scan)"
    pictures = [_figure(image) for image in images.images]
    return element("div", element("h3", place), element("div", *pictures, class_="grid"))


def _figure(image: KeyImage) -> Markup:
    layers = [element("img", src=_data_uri(image.picture_png), alt=image.description)]
    if image.outlines_png is not None:
        layers.append(element("img", src=_data_uri(image.outlines_png), alt="", class_="outlines"))
    caption = element("figcaption", image.caption)
    return element("figure", element("div", *layers, class_="picture"), caption)


def _legend(outlined: bool) -> Markup:
    lines = []
    for line in LINES if outlined else ():
        segment = segment_of(line.label)
        style = f"border-top:{line.width_px:g}px solid {line.color};background:#000;padding:2px 0"
        words = f"{segment.name} ({'thick' if line is LINES[-1] else 'thin'} line)"
        lines.append(element("li", element("span", class_="swatch", style=style), words))
    display = f"CT window: width {WINDOW_WIDTH_HU}, level {WINDOW_LEVEL_HU} HU. Patient right is on the left."
    frame = " The white frame is the close-up." if outlined else ""
    ticks = " Ticks at the edges point at the place named above."
    return element("ul", *lines, element("li", display, frame, ticks), class_="legend")


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
