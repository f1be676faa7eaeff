"""The icons of the outcome banner, one shape each: triangle, circle, square, pencil stroke, crossed ring.

Run by hand after a change; writes into Resources/Icons.
"""

from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).resolve().parents[2] / "Resources" / "Icons"
SIZE, SCALE = 48, 8  # pixels of the icon, and how much finer it is drawn before it is made smaller
LINE = 5


def canvas():
    image = Image.new("RGBA", (SIZE * SCALE, SIZE * SCALE), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def scaled(*points):
    return [(x * SCALE, y * SCALE) for x, y in points]


def suspicious(draw, color):
    draw.polygon(scaled((24, 4), (46, 44), (2, 44)), outline=color, width=LINE * SCALE)
    draw.line(scaled((24, 18), (24, 31)), color, LINE * SCALE)
    draw.ellipse(scaled((21, 34), (27, 40)), color)


def not_suspicious(draw, color):
    draw.ellipse(scaled((4, 4), (44, 44)), outline=color, width=LINE * SCALE)
    draw.line(scaled((14, 24), (34, 24)), color, LINE * SCALE)


def not_assessable(draw, color):
    draw.rectangle(scaled((5, 5), (43, 43)), outline=color, width=LINE * SCALE)
    draw.arc(scaled((16, 11), (32, 27)), 170, 80, color, LINE * SCALE)
    draw.line(scaled((24, 25), (24, 31)), color, LINE * SCALE)
    draw.ellipse(scaled((21, 34), (27, 40)), color)


def stale(draw, color):
    draw.line(scaled((10, 38), (36, 12)), color, 10 * SCALE)
    draw.polygon(scaled((4, 44), (7, 33), (15, 41)), color)
    draw.line(scaled((22, 44), (44, 44)), color, 4 * SCALE)


def not_current(draw, color):
    draw.ellipse(scaled((4, 4), (44, 44)), outline=color, width=LINE * SCALE)
    draw.line(scaled((10, 38), (38, 10)), color, LINE * SCALE)
    draw.line(scaled((10, 10), (38, 38)), color, LINE * SCALE)


def main():
    """Write all icons."""
    for shape in (suspicious, not_suspicious, not_assessable, stale, not_current):
        image, draw = canvas()
        shape(draw, "#1a1a1a" if shape is stale else "#ffffff")
        name = f"outcome-{shape.__name__.replace('_', '-')}.png"
        image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(ICONS / name, optimize=True)


if __name__ == "__main__":
    main()
