"""What the selectors of the panel stand on, and what a scene remembers of it."""

from PDACScreeningLib.strict_json import parse_json


def remembered(parameters):
    """The choices that a scene keeps; none where they cannot be read."""
    try:
        kept = parse_json(parameters.choices)
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def select(selector, data):
    """Choose an item by its data; the first one where there is none of it."""
    index = selector.findData(data)
    selector.setCurrentIndex(index if index >= 0 else 0)


def chosen(selector):
    """The data of the item that is chosen, as text."""
    return str(selector.itemData(selector.currentIndex) or "")
