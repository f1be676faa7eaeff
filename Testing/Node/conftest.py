"""The parts that these tests share with the fast ones."""

import sys
from pathlib import Path

import pytest

_LATER = "Exception ignored in. <socket"  # the same, when it is collected
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Python"))


def pytest_collection_modifyitems(items):
    """pynetdicom's requestor leaves the socket of a connection that did not come about to the garbage collector."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
            item.add_marker(
                pytest.mark.filterwarnings(
                    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
                )
            )
