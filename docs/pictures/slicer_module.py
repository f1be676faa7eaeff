"""The module beside the views, as a reader sees them: the panel's picture and the reading layout put together.

Run by `make pictures` after both were taken. It is not a screenshot of the application, and its caption must say so.
"""

from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
COLORS = 255


def main():
    """Write slicer-module.png."""
    panel, views = (Image.open(HERE / name).convert("RGB") for name in ("slicer_panel_1080.png", "slicer-reading.png"))
    whole = Image.new("RGB", (panel.width + views.width, panel.height))
    whole.paste(panel, (0, 0))
    whole.paste(views.resize((views.width, panel.height)), (panel.width, 0))
    whole.quantize(COLORS).save(HERE / "slicer-module.png", optimize=True)


if __name__ == "__main__":
    main()
