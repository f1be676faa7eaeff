"""One scan from file to result folder: whatever happens on the way, a result folder says how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PDACScreeningLib.commands.early_end import early_end, is_expected, without_paths
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.commands.result_folder import RESULT_FILES, SCREENING
from PDACScreeningLib.commands.screening_files import Answer, write_answer
from PDACScreeningLib.commands.screening_record import input_facts, new_record
from PDACScreeningLib.commands.warm_model import WarmModel
from PDACScreeningLib.config import ProtocolName
from PDACScreeningLib.dicom.ct_reader import read_any_ct
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.report.plain_summary import plain_summary
from PDACScreeningLib.screening_result import Outcome, Screening

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScanOrder:
    """What to screen, how, and where the result goes."""

    input: Path
    folder: Path  # of the result; it exists
    protocol: ProtocolName
    series: str | None  # of a DICOM folder: its number or UID
    include_identifiers: bool
    debug: bool  # let an unexpected error through with its traceback


class ScreenRun:
    """One scan under way: what was asked for, and what is known so far."""

    def __init__(self, order: ScanOrder, model: WarmModel, display: Display, interruption: Interruption) -> None:
        self.order, self.model = order, model
        self.display, self.interruption = display, interruption
        self.record = new_record()
        self.files: list[Path] = []  # what this run has left in the folder
        self._on_progress = interruption.hook(display.progress)

    def finish(self) -> Screening:
        """Screen the scan and leave a result folder behind, whatever happens on the way."""
        screening = self._kept(self._attempt(self._screened))
        if screening.outcome == Outcome.FAILED:
            self.display.error(screening.reason)
        self.display.result(
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
        """Load the model unless it is there, read the scan, screen it. Raises what goes wrong."""
        order, record, model = self.order, self.record, self.model
        with record.timed("load model"):
            loaded = model.loaded()
        record.model = loaded.facts
        record.use_machine(device=loaded.device, precision=loaded.precision, config=loaded.config)
        model.announce(self.display)
        with record.timed("read scan"):
            read = read_any_ct(
                order.input,
                series=order.series,
                include_identifiers=order.include_identifiers,
                on_progress=self._on_progress,
            )
        record.input, record.warnings = input_facts(read), read.warnings
        try:
            screened = screen(read.volume, loaded.networks, loaded.config, self._on_progress, protocol=order.protocol)
        finally:
            record.use_memory_steps(model.memory_steps)
        return Answer(self._completed(screened.screening), read.volume, screened.label_map, screened.tumor_probability)

    def _attempt(self, work: Callable[[], Answer]) -> Answer:
        """The answer of some work, or the outcome that says why there is none."""
        try:
            return work()
        except (Exception, KeyboardInterrupt) as error:
            if self.order.debug and not is_expected(error):
                raise
            if isinstance(error, InputRejected) and error.details:
                self.display.notice(f"This is about: {error.details}.")
            return Answer(self._completed(early_end(error, with_names=self.order.include_identifiers)))

    def _kept(self, answer: Answer) -> Screening:
        """Write an answer. When that fails, write why, with as few files as it takes, and return that instead."""
        ended = self._attempt(lambda: self._written(answer))
        if ended is not answer:
            self._write_ending(ended)
        return ended.screening

    def _written(self, answer: Answer) -> Answer:
        cancelled = answer.screening.outcome == Outcome.CANCELLED
        self._write(answer, ignore_progress if cancelled else self._on_progress)
        return answer

    def _write_ending(self, ended: Answer) -> None:
        for with_report in (True, False):
            try:
                with self.interruption.shielded():
                    self._write(ended, ignore_progress, with_report=with_report)
            except Exception:
                _logger.debug("could not write the outcome", exc_info=True)
            else:
                return
        if (self.order.folder / SCREENING).exists():
            self.display.notice(f"{self.order.folder} still holds the result of an earlier run, not of this one.")

    def _write(self, answer: Answer, on_progress: OnProgress, *, with_report: bool = True) -> None:
        shield = self.interruption.shielded
        write_answer(answer, self.order.folder, shield=shield, on_progress=on_progress, with_report=with_report)
        self.files = [self.order.folder / name for name in RESULT_FILES if (self.order.folder / name).exists()]

    def _completed(self, screening: Screening) -> Screening:
        """With all that is known, and without the places of files, which tell the names of users and patients."""
        screening = self.record.completed(screening)
        return replace(
            screening,
            reason=self._anonymous(screening.reason),
            warnings=tuple(self._anonymous(warning) for warning in screening.warnings),
        )

    def _anonymous(self, text: str) -> str:
        model = self.model.folder
        return without_paths(
            text, {self.order.input: "the input", self.order.folder: "the output folder", model: "the model folder"}
        )
