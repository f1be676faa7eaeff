"""How a screening can end. Every input ends in exactly one outcome."""

from enum import StrEnum


class Outcome(StrEnum):
    """Every input ends in exactly one of these."""

    SUSPICIOUS = "SUSPICIOUS"
    NOT_SUSPICIOUS = "NOT_SUSPICIOUS"
    INDETERMINATE = "INDETERMINATE"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def verdict(self) -> str:
        """The first line a person reads. Never a diagnosis, never "normal"."""
        return _VERDICTS[self]

    @property
    def exit_code(self) -> int:
        """Of the command line: 0 result, 3 indeterminate, 4 rejected, 5 failed, 130 cancelled (2 is usage)."""
        return _EXIT_CODES[self]


JUDGED = (Outcome.SUSPICIOUS, Outcome.NOT_SUSPICIOUS)
NEVER_JUDGED = (Outcome.REJECTED, Outcome.FAILED, Outcome.CANCELLED)

_VERDICTS = {
    Outcome.SUSPICIOUS: "Suspicious region found",
    Outcome.NOT_SUSPICIOUS: "No suspicious region found - does not exclude cancer",
    Outcome.INDETERMINATE: "Not assessable",
    Outcome.REJECTED: "Not assessable: the input was rejected",
    Outcome.FAILED: "Not assessable: the screening failed",
    Outcome.CANCELLED: "Cancelled before a result",
}
_EXIT_CODES = {
    Outcome.SUSPICIOUS: 0,
    Outcome.NOT_SUSPICIOUS: 0,
    Outcome.INDETERMINATE: 3,
    Outcome.REJECTED: 4,
    Outcome.FAILED: 5,
    Outcome.CANCELLED: 130,
}
