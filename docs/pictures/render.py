"""Renders the pictures of the README from the reports that `make demo` leaves behind. Run by `make pictures`.

Nothing is drawn here: the key images of a report, with their outlines, are put side by side.
"""

from pathlib import Path

from PIL import Image

from PDACScreeningLib.report.stored_pictures import stored_pictures

ROOT = Path(__file__).resolve().parents[2]
CASES = ("tumor", "normal")
VIEWS = 3  # axial, coronal, sagittal: first the whole slices, then the close-ups of the largest finding
ROWS = 2  # later pictures of a report are of further findings
HEIGHT, GAP = 260, 6  # pixels


def key_images(report: Path) -> list[Image.Image]:
    """The key images of a `report.html` in their order, outlines drawn in. Raises ValueError when there are none."""
    figures = stored_pictures(report.read_text(encoding="utf-8"))
    if not figures:
        raise ValueError(f"{report} holds no key images; run `make demo` first")
    return figures


def sheet(images: list[Image.Image]) -> Image.Image:
    """Rows of VIEWS pictures of one height on black."""
    rows = [_row(images[first : first + VIEWS]) for first in range(0, len(images), VIEWS)]
    whole = Image.new("RGB", (max(row.width for row in rows), sum(row.height + GAP for row in rows) - GAP))
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height + GAP
    return whole


def _row(images: list[Image.Image]) -> Image.Image:
    scaled = [image.resize((round(image.width * HEIGHT / image.height), HEIGHT)) for image in images]
    row = Image.new("RGB", (sum(image.width + GAP for image in scaled) - GAP, HEIGHT))
    left = 0
    for image in scaled:
        row.paste(image, (left, 0))
        left += image.width + GAP
    return row


if __name__ == "__main__":
    for case in CASES:
        images = key_images(ROOT / "demo" / f"result-{case}" / "report.html")
        sheet(images[: ROWS * VIEWS]).save(Path(__file__).parent / f"demo-{case}.png", optimize=True)
