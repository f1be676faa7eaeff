"""How long every stage took, read off the progress reports."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from PDACScreeningLib.progress import OnProgress, Progress


class StageClock:
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
