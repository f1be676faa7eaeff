"""When a screening ends before it has an answer: which outcome, and the one sentence that says why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from PDACScreeningLib.errors import Cancelled, InputIndeterminate, InputRejected, PDACScreeningError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.screening_result import Screening

_REPORT_IT = "run the same command with --debug and report what it prints as an issue of this project"


def outcome_of_error(error: BaseException, *, with_names: bool = False) -> Screening:
    """The screening that says how it ended: every exception has an outcome, none is shown as a traceback.

    with_names: let the reason name the files and series it is about.
    """
    if is_cancelling(error):
        return Screening(Outcome.CANCELLED, "The screening was cancelled before it had a result.")
    if isinstance(error, InputRejected):
        return Screening(Outcome.REJECTED, str(error) if with_names else error.sentence)
    if isinstance(error, InputIndeterminate):
        return Screening(Outcome.INDETERMINATE, sentence(error))
    return Screening(Outcome.FAILED, sentence(error))


def is_cancelling(error: BaseException) -> bool:
    """Whether the user stopped the command."""
    return isinstance(error, Cancelled | KeyboardInterrupt)


def is_expected(error: BaseException) -> bool:
    """Whether an error is one of ours, which never needs a traceback."""
    return isinstance(error, PDACScreeningError) or is_cancelling(error)


def sentence(error: BaseException) -> str:
    """One sentence about an error: our own errors speak for themselves, foreign ones are put into words."""
    if isinstance(error, PDACScreeningError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The machine ran out of memory; close other programs or use a machine with more."
    if type(error).__name__ == "OutOfMemoryError":  # of torch, which is not imported here
        return "The GPU ran out of memory; close other programs that use it or run again with --device cpu."
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        package = error.name.partition(".")[0]
        return f"The Python package {package} is not installed; install it with: python -m pip install {package}"
    return f"An unexpected error ({type(error).__name__}) stopped the command; {_REPORT_IT}."


def without_paths(text: str, words: Mapping[Path, str]) -> str:
    """A sentence for a result file: places become words, since folders tell the names of users, sites and patients.

    "could not write /home/eva/doe_jane/report.html"  ->  "could not write the output folder/report.html"
    """
    for place, word in words.items():
        for spelling in (str(place.resolve()), str(place.absolute()), str(place)):
            end = r"(?!\w)" if len(Path(spelling).parts) > 1 else r"(?=[/\\:])"  # a bare name may be a plain word
            text = re.sub(rf"(?<!\w){re.escape(spelling)}{end}", word, text)
    return text
