"""Who may do a piece of work now, when many workers on many machines share one folder. Standard library only.

    claims/ct-7/0001.failed      the first start: it ended, and this is how
    claims/ct-7/0002             the second start: a worker is at it, and touches the file again and again

A claim is a file that only one can make (O_EXCL). Files are never taken over, moved or removed by anybody but their
owner: whoever finds the newest claim ended, or untouched for longer than the lease, makes the next number. So every
start is counted, and a worker that sleeps through its lease can do no harm to the claim of the one that went on.
Two may then be at the same work for a while: the work must be committed in a way that only one can win (one rename).

The only clock is the file server's: the age of a claim is the difference of the times of two files.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

_CLOCK = ".clock-"
BEATS_A_LEASE = 4  # so often a claim is touched before it counts as abandoned


class ClaimEnd(StrEnum):
    """How a start ended, as its file is named."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"  # the worker was told to stop; this says nothing against the work
    WITHDRAWN = "withdrawn"  # nothing was begun: somebody else had just finished


@dataclass(frozen=True)
class Starts:
    """How often a piece of work was begun. Withdrawn claims are none."""

    ended: tuple[ClaimEnd, ...] = ()
    unended: int = 0  # of workers that are at it, or were killed

    @property
    def all(self) -> int:
        """Every start."""
        return sum(end is not ClaimEnd.WITHDRAWN for end in self.ended) + self.unended

    @property
    def against(self) -> int:
        """Starts after which the work was not done, though nobody told the worker to stop."""
        return sum(end is ClaimEnd.FAILED for end in self.ended) + self.unended


class ClaimBoard:
    """The claims of one folder. Every worker has a board of its own."""

    def __init__(self, folder: Path, lease_s: float) -> None:
        """folder: made when the first claim is. lease_s: a claim that was not touched for so long is abandoned."""
        self._folder, self._lease_s = folder, lease_s
        self._clock = folder / f"{_CLOCK}{secrets.token_hex(6)}"

    def take(self, name: str) -> Claim | None:
        """Claim a piece of work; None when another worker is at it. name: a file name. Raises OSError."""
        own = self._folder / name
        own.mkdir(parents=True, exist_ok=True)
        newest = max(_claims(own), key=_number, default=None)
        if newest is not None and not newest.suffix and not self._is_abandoned(newest):
            return None
        number = 1 if newest is None else _number(newest) + 1
        path = own / f"{number:04}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:  # another one was faster
            return None
        return Claim(path, self._lease_s / BEATS_A_LEASE)

    def starts(self, name: str) -> Starts:
        """How often this was begun. Raises OSError."""
        claims = list(_claims(self._folder / name))
        ended = tuple(ClaimEnd(claim.suffix[1:]) for claim in sorted(claims) if claim.suffix)
        return Starts(ended, sum(not claim.suffix for claim in claims))

    def is_claimed(self, name: str) -> bool:
        """Whether a worker is at it now. Raises OSError."""
        newest = max(_claims(self._folder / name), key=_number, default=None)
        return newest is not None and not newest.suffix and not self._is_abandoned(newest)

    def close(self) -> None:
        """Remove what this worker, and workers that were killed, needed to tell the time."""
        with contextlib.suppress(OSError):
            self._clock.touch()
            for clock in self._folder.glob(f"{_CLOCK}*"):
                if clock == self._clock or self._is_abandoned(clock):
                    clock.unlink(missing_ok=True)  # a worker that lives makes its clock anew
            self._clock.unlink(missing_ok=True)

    def _is_abandoned(self, claim: Path) -> bool:
        """Whether nobody touched it for a lease. One that ended or went away meanwhile is looked at again later."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clock.touch()
        with contextlib.suppress(FileNotFoundError):
            return _time_of(self._clock) - _time_of(claim) > self._lease_s
        return False


class Claim:
    """A start that is ours: touched by a thread until `end`, and failed when an error leaves the block."""

    def __init__(self, path: Path, beat_s: float) -> None:
        """Begin to touch the file."""
        self.path, self._beat_s = path, beat_s
        self._over = threading.Event()
        self._ended = False
        self.is_lost = False  # whether another worker went on, because this one did not touch its claim for a lease
        threading.Thread(target=self._beat, daemon=True).start()

    def end(self, how: ClaimEnd) -> None:
        """Say how it ended. Does nothing the second time. A claim that cannot be renamed runs out by itself."""
        if self._ended:
            return
        self._ended = True
        self._over.set()
        with contextlib.suppress(OSError):
            self.path.rename(self.path.with_name(f"{self.path.name}.{how.value}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(ClaimEnd.FAILED)

    def _beat(self) -> None:
        while not self._over.wait(self._beat_s):
            with contextlib.suppress(OSError):
                os.utime(self.path)  # the file server's time
                self.is_lost = any(_number(other) > _number(self.path) for other in _claims(self.path.parent))


def _claims(own: Path) -> Iterator[Path]:
    """Claims of one piece of work; none when there is no folder. Files of others are passed over."""
    with contextlib.suppress(FileNotFoundError):
        for path in own.iterdir():
            if path.stem.isdecimal() and (not path.suffix or path.suffix[1:] in set(ClaimEnd)):
                yield path


def _number(claim: Path) -> int:
    return int(claim.stem)


def _time_of(path: Path) -> float:
    """When a file was last touched. It is opened first: a network file system then asks its server."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.fstat(handle).st_mtime
    finally:
        os.close(handle)
