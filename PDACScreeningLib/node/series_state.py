"""Where a series stands on its way from the first image to the PACS.

    receiving -> ready -> running -> screened -> sent
        |                    |           |
        +------ refused -----+           +-> failed

A late image takes a series back to `receiving`, from wherever it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SeriesState(Enum):
    """Each series is in exactly one."""

    RECEIVING = "receiving"  # images come, or are waited for
    READY = "ready"  # whole, and to be screened
    RUNNING = "running"
    SCREENED = "screened"  # its result is to be sent
    SENT = "sent"
    REFUSED = "refused"  # not to be screened, or not assessable
    FAILED = "failed"


ENDED = (SeriesState.SENT, SeriesState.REFUSED, SeriesState.FAILED)


@dataclass(frozen=True)
class SeriesRow:
    """What is known of a series. Nothing in it names a patient: the key is a digest of the series' identifier."""

    key: str
    state: SeriesState
    revision: int  # how often it was begun anew because of a late image
    images: int
    expected: int | None  # that the PACS holds; None while it did not say
    last: float  # when the last image came, seconds since 1970
    due: float  # when the next step may be tried
    starts: int  # screenings begun
    failures: int  # screenings or sendings that went wrong, one after the other
    since: float  # when it came into its state
    conflict: bool  # an image came a second time with other content
    outcome: str
    why: str
    result: str  # folder of the result to be sent; empty when there is none
    sent_result: str  # folder of the result that was sent last
