"""Is a series whole? Nothing came for a while, and the PACS holds no more images of it than came."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from PDACScreeningLib.node.config import Completeness
from PDACScreeningLib.node.series_state import SeriesRow


class Verdict(Enum):
    """What is to be done with a series that is receiving."""

    WAIT = "wait"
    WHOLE = "whole"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Judged:
    """A verdict with its reason; `expected` as the PACS told."""

    verdict: Verdict
    why: str = ""
    expected: int | None = None


class Census(Protocol):
    """Who knows how many images there are."""

    def images_held(self, key: str) -> int | None:
        """How many images the PACS has of a series; None when it does not answer."""


_CONFLICT = "an image came a second time with other content, so nobody knows which one is right"


def judge(row: SeriesRow, completeness: Completeness, census: Census, now: float) -> Judged:
    """The verdict on a series that is receiving. The PACS is asked only when the series has been quiet."""
    if now - row.last < completeness.quiet_s:
        return Judged(Verdict.WAIT)
    if row.conflict:
        return Judged(Verdict.REFUSE, _CONFLICT)
    if not completeness.ask_pacs:
        return Judged(Verdict.WHOLE)
    held = census.images_held(row.key)
    if held is None:  # results could not be sent either, so there is no haste
        return Judged(Verdict.WAIT, "the PACS does not answer")
    if 0 < held <= row.images:
        return Judged(Verdict.WHOLE, expected=held)
    why = f"only {row.images} of {held} images came" if held else "the PACS holds no image of the series"
    patient = now - row.last < completeness.patience_s
    return Judged(Verdict.WAIT if patient else Verdict.REFUSE, why, held)
