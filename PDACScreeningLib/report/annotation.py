"""What is written onto a CT slice: patient directions at the edges, a scale bar, and ticks at the point shown."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from PDACScreeningLib.report.image_plane import ImagePlane
from PDACScreeningLib.volume.geometry import XYZ

INK = 235  # gray level of letters and lines
_PAPER = 0  # their dark edge, for bright backgrounds
_BAR_LENGTHS_MM = (5, 10, 20, 50, 100, 200)
_TICK_SHARE = 0.025  # length of a tick in sides of the picture; letters begin behind it


def annotate(picture: Image.Image, plane: ImagePlane, point_lps_mm: XYZ) -> None:
    """Draw onto a gray picture of a plane, in place."""
    draw = ImageDraw.Draw(picture)
    _draw_edges(draw, plane)
    _draw_scale_bar(draw, plane)
    _draw_ticks(draw, plane, point_lps_mm)


def scale_bar_mm(plane: ImagePlane) -> int:
    """Length of the scale bar: the longest round length within a quarter of the picture."""
    fitting = [length for length in _BAR_LENGTHS_MM if length <= plane.side_mm / 4]
    return max(fitting, default=_BAR_LENGTHS_MM[0])


def _draw_edges(draw: ImageDraw.ImageDraw, plane: ImagePlane) -> None:
    side, gap = plane.pixels, plane.pixels * (_TICK_SHARE + 0.01)
    left, right, top, bottom = plane.view.edges
    for letter, position, anchor in (
        (left, (gap, side / 2), "lm"),
        (right, (side - gap, side / 2), "rm"),
        (top, (side / 2, gap), "mt"),
        (bottom, (side / 2, side - gap), "mb"),
    ):
        _write(draw, letter, position, anchor, plane.pixels * 0.05)


def _draw_scale_bar(draw: ImageDraw.ImageDraw, plane: ImagePlane) -> None:
    length_mm, side = scale_bar_mm(plane), plane.pixels
    start, row = side * 0.03, side * 0.965
    stop = start + length_mm / plane.pixel_mm
    draw.line([(start, row), (stop, row)], fill=_PAPER, width=7)
    draw.line([(start + 1, row), (stop - 1, row)], fill=INK, width=3)
    _write(draw, f"{length_mm} mm", (start, row - side * 0.015), "ls", side * 0.04)


def _draw_ticks(draw: ImageDraw.ImageDraw, plane: ImagePlane, point_lps_mm: XYZ) -> None:
    """Short lines on all four edges that point at the row and column of the point, leaving the anatomy free."""
    row, column = plane.pixel_of(point_lps_mm)
    side, length = plane.pixels, plane.pixels * _TICK_SHARE
    for near, far in ((0.0, length), (side - 1.0, side - 1.0 - length)):
        for ends in ([(column, near), (column, far)], [(near, row), (far, row)]):
            draw.line(ends, fill=_PAPER, width=4)
            draw.line(ends, fill=INK, width=2)


def _write(draw: ImageDraw.ImageDraw, text: str, position: tuple[float, float], anchor: str, size_px: float) -> None:
    font = ImageFont.load_default(size=size_px)
    draw.text(position, text, fill=INK, font=font, anchor=anchor, stroke_width=2, stroke_fill=_PAPER)
