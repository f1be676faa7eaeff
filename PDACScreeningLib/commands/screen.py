"""`pdac-screening screen`: read, check, screen, write. The same command runs behind the button of Slicer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.commands.early_end import early_end, is_expected, without_paths
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.commands.result_folder import RESULT_FILES, SCREENING, open_result_folder
from PDACScreeningLib.commands.screening_files import Answer, write_answer
from PDACScreeningLib.commands.screening_record import input_facts, new_record
from PDACScreeningLib.dicom.ct_reader import read_any_ct
from PDACScreeningLib.errors import InputRejected, ModelError, UsageError
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.report.plain_summary import plain_summary
from PDACScreeningLib.screening_result import Outcome, Screening

if TYPE_CHECKING:
    from PDACScreeningLib.network.model_choice import ModelChoice


_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScreenRequest:
    """What the user asked for."""

    input: Path
    output: Path
    model: str | None = None  # name or folder; None = the only installed model that is not a demo
    device: str = "auto"
    series: str | None = None  # of a DICOM folder: its number or UID
    include_identifiers: bool = False
    debug: bool = False  # let an unexpected error through with its traceback


def run_screen(request: ScreenRequest, display: Display, interruption: Interruption) -> int:
    """Screen one CT and leave a result folder behind, whatever happens on the way. Returns the exit code.

    Raises UsageError when nothing was started: no input, no model, no folder to write into.
    """
    if not request.input.exists():
        raise UsageError(f"INPUT {request.input} does not exist; name a scan or a folder of DICOM slices")
    if _would_be_overwritten(request):
        raise UsageError(f"INPUT {request.input} lies where --output writes; name another folder")
    choice = _choose_model(request.model)
    folder = open_result_folder(request.output)
    run = _Run(request, choice, folder, display, interruption)
    screening = run.kept(run.attempt(run.screened))
    if screening.outcome == Outcome.FAILED:
        display.error(screening.reason)
    display.result(
        plain_summary(screening, run.files),
        {
            "outcome": screening.outcome.value,
            "reason": screening.reason,
            "score": screening.score,
            "output": str(folder),
            "exit_code": screening.outcome.exit_code,
        },
    )
    return screening.outcome.exit_code


def _would_be_overwritten(request: ScreenRequest) -> bool:
    """Whether results would land among the slices of the scan, or in the place of the scan itself."""
    folder, scan = request.output.resolve(), request.input.resolve()
    return scan == folder or scan in [folder / name for name in RESULT_FILES]


def _choose_model(wish: str | None) -> ModelChoice:
    from PDACScreeningLib.network.model_choice import find_model

    try:
        return find_model(wish)
    except ModelError as error:
        raise UsageError(str(error)) from error


class _Run:
    """One screening under way: what was asked for, and what is known so far."""

    def __init__(
        self, request: ScreenRequest, choice: ModelChoice, folder: Path, display: Display, interruption: Interruption
    ) -> None:
        self.request, self.choice, self.folder = request, choice, folder
        self.display, self.interruption = display, interruption
        self.record = new_record()
        self.files: list[Path] = []  # what this run has left in the folder
        self._on_progress = interruption.hook(display.progress)

    def screened(self) -> Answer:
        """Load the model, read the scan, screen it. Raises what goes wrong."""
        from PDACScreeningLib.network.model_directory import load_model
        from PDACScreeningLib.network.runtime import resolve_device
        from PDACScreeningLib.network.window_predictor import window_predictors

        request, record = self.request, self.record
        with record.timed("load model"):
            model = load_model(self.choice.folder)
            record.model = model.description.facts(self.choice.reason)
            runtime = resolve_device(request.device)
            record.use_machine(device=runtime.description, precision=runtime.precision, config=model.config)
            networks = window_predictors(model, runtime)
        self._announce()
        with record.timed("read scan"):
            read = read_any_ct(
                request.input,
                series=request.series,
                include_identifiers=request.include_identifiers,
                on_progress=self._on_progress,
            )
        record.input, record.warnings = input_facts(read), read.warnings
        screened = screen(read.volume, networks, model.config, self._on_progress)
        return Answer(self._completed(screened.screening), read.volume, screened.label_map, screened.tumor_probability)

    def attempt(self, work: Callable[[], Answer]) -> Answer:
        """The answer of some work, or the outcome that says why there is none."""
        try:
            return work()
        except (Exception, KeyboardInterrupt) as error:
            if self.request.debug and not is_expected(error):
                raise
            if isinstance(error, InputRejected) and error.details:
                self.display.notice(f"This is about: {error.details}.")
            return Answer(self._completed(early_end(error, with_names=self.request.include_identifiers)))

    def kept(self, answer: Answer) -> Screening:
        """Write an answer. When that fails, write why, with as few files as it takes, and return that instead."""
        ended = self.attempt(lambda: self._written(answer))
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
        if (self.folder / SCREENING).exists():
            self.display.notice(f"{self.folder} still holds the result of an earlier run, not of this one.")

    def _write(self, answer: Answer, on_progress: OnProgress, *, with_report: bool = True) -> None:
        shield = self.interruption.shielded
        write_answer(answer, self.folder, shield=shield, on_progress=on_progress, with_report=with_report)
        self.files = [self.folder / name for name in RESULT_FILES if (self.folder / name).exists()]

    def _completed(self, screening: Screening) -> Screening:
        """With all that is known, and without the places of files, which tell the names of users and patients."""
        screening = self.record.completed(screening)
        return replace(
            screening,
            reason=self._anonymous(screening.reason),
            warnings=tuple(self._anonymous(warning) for warning in screening.warnings),
        )

    def _anonymous(self, text: str) -> str:
        model = self.choice.folder
        return without_paths(
            text, {self.request.input: "the input", self.folder: "the output folder", model: "the model folder"}
        )

    def _announce(self) -> None:
        """Say which model is used and why before it is used."""
        model, provenance = self.record.model, self.record.provenance
        if model is not None:
            self.display.notice(f"Model: {model.name}, because {model.chosen_because}.")
            if model.notice:
                self.display.notice(f"Note: {model.notice}.")
        self.display.notice(f"Computing on {provenance.device} ({provenance.precision}).")
