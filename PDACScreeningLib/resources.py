"""Where the files that are not Python lie: `Resources/`, beside the package in a checkout, inside it once installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "Resources", _PACKAGE.parent / "Resources")


def resource(name: str) -> Path:
    """Path of a file or folder under `Resources/`, e.g. "terminology/segments.json".

    Raises FileNotFoundError when it is in neither place: the installation is incomplete.
    """
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f"Resources/{name} is missing; install PDACScreening again")
