"""The parts that these tests share with the fast ones."""

import sys
from pathlib import Path

import pytest

_LONGEST = [
    "test_after_a_day_of_bad_luck_every_series_has_ended_rightly_and_nothing_is_lost_or_twice",
    "test_the_tutorial_works_with_the_real_networks_of_the_demo_model",
    "test_the_memory_of_the_node_does_not_grow_with_the_studies_it_takes",
    "test_six_hundred_large_slices_come_in_at_fifty_a_second_or_more",
]
_LATER = "Exception ignored in. <socket"  # the same, when it is collected
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Python"))


def pytest_collection_modifyitems(items):
    """The longest tests begin first, so that no worker is left alone with one of them.

    pynetdicom's requestor leaves the socket of a connection that did not come about to the garbage collector.
    """
    items.sort(key=lambda item: _LONGEST.index(item.name) if item.name in _LONGEST else len(_LONGEST))
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
            item.add_marker(
                pytest.mark.filterwarnings(
                    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
                )
            )
