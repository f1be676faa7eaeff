"""The one hook for progress and cancelling: `on_progress(Progress(stage, done, total))`.

Long work calls the hook once per batch. To cancel, the hook raises `Cancelled`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a stage is. `done` runs from 0 to `total`; a stage that never starts reports nothing."""

    stage: str  # plain words, e.g. "coarse scan (64^3)"
    done: int
    total: int
    note: str = ""  # what else is worth seeing now, e.g. the pace; it may change with every report

    def __post_init__(self) -> None:
        if not 0 <= self.done <= self.total:
            raise ValueError(f"progress of '{self.stage}' must lie in 0..{self.total}, got {self.done}")


OnProgress = Callable[[Progress], None]


def ignore_progress(_progress: Progress) -> None:
    """The hook for callers that do not care."""


class StageTimer:
    """A progress hook that passes every report on and notes the time from a stage's first report to its last."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.timings_s: dict[str, float] = {}
        self._on_progress = on_progress
        self._started: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter()
        started = self._started.setdefault(progress.stage, now)
        self.timings_s[progress.stage] = now - started
        self._on_progress(progress)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Report a stage that is done in one go."""
        self(Progress(name, 0, 1))
        yield
        self(Progress(name, 1, 1))
