"""One scan from file to result folder: whatever happens on the way, a result folder says how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.report.plain_summary import plain_summary
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.answer import Answer, write_answer
from PDACScreeningLib.session.dicom_results import with_dicom_results
from PDACScreeningLib.session.outcome_of_error import is_expected, outcome_of_error, without_paths
from PDACScreeningLib.session.record import ScreeningRecord, new_record
from PDACScreeningLib.session.result_folder import KNOWN_FILES
from PDACScreeningLib.session.screener import ScanRequest

_logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Who is told what happens: a terminal, or a program that reads JSON lines."""

    def notice(self, message: str) -> None:
        """One sentence a person should know."""

    def progress(self, progress: Progress) -> None:
        """How far the work is."""

    def result(self, text: str, facts: dict[str, Any]) -> None:
        """How a scan ended: text for people, facts for programs."""

    def error(self, message: str) -> None:
        """Why there is no answer."""


class Stop(Protocol):
    """Who may end the work: `hook` raises Cancelled once that was asked for, and `shielded` holds it off."""

    def hook(self, show: OnProgress) -> OnProgress:
        """A progress hook that shows, and ends the work when that was asked for."""

    def shielded(self) -> AbstractContextManager[None]:
        """For steps that must not stop halfway."""


class Answering(Protocol):
    """What answers for a scan: a model (Screener), or a segmentation that is there already (GivenFile)."""

    @property
    def places(self) -> Mapping[Path, str]:
        """Words for the places of files, which no output names."""

    def get_ready(self, record: ScreeningRecord, tell: Callable[[str], None]) -> None:
        """Load what is needed, and say once what answers."""

    def run(
        self, request: ScanRequest, record: ScreeningRecord, on_progress: OnProgress, tell: Callable[[str], None]
    ) -> Answer:
        """The answer, noting in `record` what is known on the way. Raises every error."""


@dataclass(frozen=True)
class ScanOrder:
    """What to screen, and where its result goes."""

    request: ScanRequest
    folder: Path  # of the result; it is held (result_place), and no earlier result stands in it
    debug: bool = False  # let an unexpected error through with its traceback


class ScanRun:
    """One scan under way: what was asked for, and what is known so far."""

    def __init__(self, order: ScanOrder, screener: Answering, listener: Listener, stop: Stop) -> None:
        self.order, self.screener = order, screener
        self.listener, self._stop = listener, stop
        self.record = new_record(order.request.label)
        self.files: list[Path] = []  # what this run has left in the folder
        self._on_progress = stop.hook(listener.progress)

    def finish(self) -> Screening:
        """Screen the scan and leave a result folder behind, whatever happens on the way."""
        screening = self._kept(self._with_dicom(self._attempt(self._screened)))
        if screening.outcome == Outcome.FAILED:
            self.listener.error(screening.reason)
        self.listener.result(
            plain_summary(screening, self.files),
            {
                "outcome": screening.outcome.value,
                "reason": screening.reason,
                "score": screening.score,
                "output": str(self.order.folder),
                "exit_code": screening.outcome.exit_code,
            },
        )
        return screening

    def _screened(self) -> Answer:
        """Say what answers, then let it answer. Raises what goes wrong."""
        self.screener.get_ready(self.record, self.listener.notice)
        answer = self.screener.run(self.order.request, self.record, self._on_progress, self.listener.notice)
        return replace(answer, screening=self._anonymous(answer.screening))

    def _attempt(self, work: Callable[[], Answer]) -> Answer:
        """The answer of some work, or the outcome that says why there is none."""
        try:
            return work()
        except (Exception, KeyboardInterrupt) as error:
            if self.order.debug and not is_expected(error):
                raise
            if isinstance(error, InputRejected) and error.details:
                self.listener.notice(f"This is about: {error.details}.")
            ended = outcome_of_error(error, with_names=self.order.request.include_identifiers)
            return Answer(self._anonymous(self.record.completed(ended)))

    def _with_dicom(self, answer: Answer) -> Answer:
        """The answer with its DICOM objects where they were asked for. A signal waits for the few seconds."""
        with self._stop.shielded():
            return with_dicom_results(answer, self.order.request)

    def _kept(self, answer: Answer) -> Screening:
        """Write an answer. When that fails, write why, with as few files as it takes, and return that instead."""
        ended = self._attempt(lambda: self._written(answer))
        if ended is not answer:
            ended = self._with_dicom(ended)
            self._write_ending(ended)
        return ended.screening

    def _written(self, answer: Answer) -> Answer:
        cancelled = answer.screening.outcome == Outcome.CANCELLED
        self._write(answer, ignore_progress if cancelled else self._on_progress)
        return answer

    def _write_ending(self, ended: Answer) -> None:
        for with_report in (True, False):
            try:
                with self._stop.shielded():
                    self._write(ended, ignore_progress, with_report=with_report)
            except Exception:
                _logger.debug("could not write the outcome", exc_info=True)
            else:
                return
        self.listener.notice(f"{self.order.folder} holds no result: not even the outcome could be written.")

    def _write(self, answer: Answer, on_progress: OnProgress, *, with_report: bool = True) -> None:
        shield = self._stop.shielded
        write_answer(answer, self.order.folder, shield=shield, on_progress=on_progress, with_report=with_report)
        self.files = [self.order.folder / name for name in KNOWN_FILES if (self.order.folder / name).exists()]

    def _anonymous(self, screening: Screening) -> Screening:
        """Without the places of files, which tell the names of users and patients."""
        places = {self.order.folder: "the output folder", **self.screener.places}
        if isinstance(self.order.request.scan, str):
            places = {Path(self.order.request.scan): "the input", **places}
        return replace(
            screening,
            reason=without_paths(screening.reason, places),
            warnings=tuple(without_paths(warning, places) for warning in screening.warnings),
        )
