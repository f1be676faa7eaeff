"""How much the node bears: the pace of a large series, and memory over many studies."""

import pytest
from measure import memory, reception
from node_process import Peer


@pytest.mark.slow
def test_six_hundred_large_slices_come_in_at_fifty_a_second_or_more(tmp_path):
    """The best of three: how fast the disk is depends on who else writes."""
    best = 0.0
    for attempt in range(3):
        with Peer() as peer:
            figures = reception(tmp_path / str(attempt), peer)
        assert figures["processor ms a slice"] < 12
        best = max(best, figures["slices a second"])
        if best >= 50:
            return
    raise AssertionError(f"{best:.0f} slices a second")


@pytest.mark.slow
def test_the_memory_of_the_node_does_not_grow_with_the_studies_it_takes(tmp_path):
    with Peer() as peer:
        sizes = memory(tmp_path / "node", peer, studies=150, screened=False, count=6)
    assert sizes[-1] - sizes[0] < 8, sizes
