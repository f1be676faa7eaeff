"""How much the node bears: the pace of a large series, and memory over many studies."""

import pytest
from measure import memory, reception
from node_process import Peer


@pytest.mark.slow
def test_six_hundred_large_slices_come_in_at_fifty_a_second_or_more(tmp_path):
    with Peer() as peer:
        figures = reception(tmp_path, peer)
    assert figures["processor ms a slice"] < 20  # of one core; how fast that is depends on who else computes
    assert figures["slices a second"] >= 50, figures


@pytest.mark.slow
def test_the_memory_of_the_node_does_not_grow_with_the_studies_it_takes(tmp_path):
    with Peer() as peer:
        sizes = memory(tmp_path / "node", peer, studies=150, screened=False)
    assert sizes[-1] - sizes[0] < 8, sizes
