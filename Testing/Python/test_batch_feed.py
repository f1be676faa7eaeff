"""The feed changes when a batch is made, never which one it is."""

import threading
import time
from types import SimpleNamespace

import pytest

from PDACScreeningLib.errors import Cancelled, DataError
from PDACScreeningLib.training import batch_feed
from PDACScreeningLib.training.batch_feed import BatchFeed


def square(iteration):
    return iteration * iteration


def until(condition):
    """Wait for what threads do; ten seconds at most."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)


def feed_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("batch")]


@pytest.mark.parametrize(("ahead", "threads"), [(0, 1), (1, 1), (3, 1), (4, 3), (50, 2)])
def test_batches_come_in_order_however_they_are_made(ahead, threads):
    def slow_when_even(iteration):
        time.sleep(0.004 if iteration % 2 == 0 else 0)  # so that with two threads the later one is ready first
        return square(iteration)

    with BatchFeed(slow_when_even, 3, 13, ahead=ahead, threads=threads) as feed:
        assert list(feed) == [(t, t * t) for t in range(3, 13)]


def test_nothing_to_do_yields_nothing():
    with BatchFeed(square, 5, 5) as feed:
        assert list(feed) == []


def test_no_more_than_the_wanted_batches_are_made_ahead():
    made = []
    with BatchFeed(made.append, 0, 100, ahead=3, threads=2) as feed:
        next(iter(feed))
        until(lambda: len(made) >= 4)
        time.sleep(0.05)  # for one too many
        assert sorted(made) == [0, 1, 2, 3]  # the one taken, and three ahead


@pytest.mark.parametrize("ahead", [0, 4])
def test_an_error_comes_where_its_batch_would_have_been(ahead):
    def damaged_at_two(iteration):
        if iteration == 2:
            raise DataError("case 7 is damaged")
        return iteration

    taken = []

    def take():
        with BatchFeed(damaged_at_two, 0, 10, ahead=ahead) as feed:
            for iteration, _ in feed:
                taken.append(iteration)

    with pytest.raises(DataError, match="case 7"):
        take()
    assert taken == [0, 1]
    assert not feed_threads()


@pytest.mark.parametrize("reason", [Cancelled, KeyboardInterrupt])
def test_leaving_early_makes_no_further_batch_and_leaves_no_thread(reason):
    made = []

    def slow(iteration):
        time.sleep(0.02)
        made.append(iteration)

    def leave_at_two():
        with BatchFeed(slow, 0, 1000, ahead=50, threads=2) as feed:
            for iteration, _ in feed:
                if iteration == 2:
                    raise reason

    with pytest.raises(reason):
        leave_at_two()
    assert not feed_threads()
    assert len(made) < 20  # of the 53 that were asked for


def test_the_wait_is_that_for_the_batch(monkeypatch):
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr(batch_feed, "time", clock)

    def slow(iteration):
        clock.now += 10 + iteration

    with BatchFeed(slow, 0, 3, ahead=0) as feed:
        assert [feed.waited_s for _ in feed] == [10, 11, 12]


def test_batches_made_while_the_taker_was_busy_cost_no_wait():
    made = []

    def slow(iteration):
        time.sleep(0.3)
        made.append(iteration)

    with BatchFeed(slow, 0, 4, ahead=3, threads=4) as feed:
        waits = []
        for _ in feed:
            waits.append(feed.waited_s)
            until(lambda: len(made) == 4)
    assert waits[0] >= 0.25
    assert max(waits[1:]) < 0.2


def test_a_feed_without_threads_or_with_a_negative_lead_is_refused():
    with pytest.raises(ValueError, match="at least one thread"):
        BatchFeed(square, 0, 1, threads=0)
    with pytest.raises(ValueError, match="ahead >= 0"):
        BatchFeed(square, 0, 1, ahead=-1)
