"""Mini-batches made ahead of time by threads, so that the network does not wait for them.

Threads, no worker processes: inside 3D Slicer the executable of a new process is Slicer itself. They overlap with the
network all the same, because copying patches and computing convolutions both let go of Python's lock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Batch = TypeVar("Batch")

_THREADED_FROM = 64  # side of the smallest patches that two threads make faster than one (docs/benchmarks.md)


def feed_threads(patch_size: int) -> int:
    """Threads that make batches of patches of this side: small ones are mostly Python's work, which one does faster."""
    return 2 if patch_size >= _THREADED_FROM else 1


class BatchFeed(Generic[Batch]):
    """Yields (iteration, batch) for start <= iteration < stop, in order; up to `ahead` batches wait to be taken.

    make_batch: called with an iteration, from several threads at once; what it returns must follow from the iteration
        alone, and so neither `ahead` nor `threads` can change what is yielded.
    ahead: 0 makes every batch when it is asked for, without a thread.
    What make_batch raises is raised where its batch would have been yielded. Use it in a `with`: leaving that, in
    whatever way, drops the batches not yet begun and waits for those being made. Without iterations it yields nothing.
    """

    def __init__(
        self, make_batch: Callable[[int], Batch], start: int, stop: int, *, ahead: int = 4, threads: int = 2
    ) -> None:
        if ahead < 0 or threads < 1:
            raise ValueError(f"a feed needs ahead >= 0 and at least one thread, got {ahead} and {threads}")
        self._make_batch, self._start, self._stop, self._ahead = make_batch, start, stop, ahead
        self._makers = ThreadPoolExecutor(min(threads, ahead), thread_name_prefix="batch") if ahead else None
        self.waited_s = 0.0  # for the last batch

    def __enter__(self) -> BatchFeed[Batch]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._makers is not None:
            self._makers.shutdown(wait=True, cancel_futures=True)

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        makers = self._makers
        made = self._when_asked() if makers is None else self._ahead_of_time(makers)
        for iteration in range(self._start, self._stop):
            asked = time.perf_counter()
            batch = next(made)
            self.waited_s = time.perf_counter() - asked
            yield iteration, batch

    def _when_asked(self) -> Iterator[Batch]:
        return (self._make_batch(iteration) for iteration in range(self._start, self._stop))

    def _ahead_of_time(self, makers: ThreadPoolExecutor) -> Iterator[Batch]:
        waiting: deque[Future[Batch]] = deque()
        for iteration in range(self._start, self._stop):
            waiting.append(makers.submit(self._make_batch, iteration))
            if len(waiting) > self._ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
