"""The one hook for progress and cancelling: `on_progress(Progress(stage, done, total))`.

Long work calls the hook once per batch. To cancel, the hook raises `Cancelled`.
"""

from collections.abc import Callable
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
