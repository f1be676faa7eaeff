"""The folder `Resources/` of models, icons and schema: inside the package once installed, beside it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "Resources", _PACKAGE.parent / "Resources")


def resource(name: str) -> Path:
    """Path of a file or folder under `Resources/`, e.g. "Models" or "terminology/segments.json".

    It need not exist: a checkout without models has no "Models" folder.
    """
    return next((place / name for place in _PLACES if (place / name).exists()), _PLACES[-1] / name)
