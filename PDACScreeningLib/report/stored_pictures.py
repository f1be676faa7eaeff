"""The key images of a `report.html` that was written, with their outlines drawn in: its pictures without its page."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

_FIGURE = re.compile(r'<div class="picture">(.*?)</div>', re.DOTALL)
_LAYER = re.compile(r'src="data:image/png;base64,([^"]+)"')
_VIEWS = 3  # axial, coronal, sagittal: first the whole slices, then the close-ups of the largest finding


def stored_pictures(report_html: str) -> list[Image.Image]:
    """The key images of a report of ours in their order; none where it has no scan."""
    return [_flattened(figure) for figure in _FIGURE.findall(report_html)]


def first_picture(report_html: str) -> Image.Image | None:
    """The axial close-up of the largest finding, else the axial slice; None where there are no pictures."""
    figures = _FIGURE.findall(report_html)
    return _flattened(figures[_VIEWS if len(figures) > _VIEWS else 0]) if figures else None


def _flattened(figure: str) -> Image.Image:
    picture, *outlines = (
        Image.open(io.BytesIO(base64.b64decode(layer))).convert("RGBA") for layer in _LAYER.findall(figure)
    )
    for layer in outlines:
        picture = Image.alpha_composite(picture, layer)
    return picture.convert("RGB")
