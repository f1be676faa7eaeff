"""One screening of a volume node: out to a child process and back into the scene. No Qt; the owner polls.

A result is bound to its volume: when the volume is gone or holds other voxels at the end, the result is refused.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PDACScreeningLib.child_run.job_folder import JobFolder
from PDACScreeningLib.child_run.run_expectation import Pace
from PDACScreeningLib.child_run.run_failure import (
    FailureKind,
    RunFailure,
    diagnostics,
    failure_of,
    not_assessable,
    usual,
)
from PDACScreeningLib.child_run.warm_worker import WarmWorker
from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.mrml.ct_volume_node import is_same_image, liters_of, write_input_file
from PDACScreeningLib.mrml.dicom_numbers import with_numbers_of_dicom
from PDACScreeningLib.mrml.result_nodes import show_result
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.stored_result import StoredResult, reading
from PDACScreeningLib.session.work_order import work_order

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSegmentationNode

    from PDACScreeningLib.mrml.dicom_numbers import ValueOf

    AddResult = Callable[[vtkMRMLScene, Path, vtkMRMLScalarVolumeNode, StoredResult], vtkMRMLSegmentationNode]

_logger = logging.getLogger(__name__)

INPUT, RESULT = "ct.mha", "result"
_ASSESSED = (Outcome.SUSPICIOUS, Outcome.NOT_SUSPICIOUS, Outcome.INDETERMINATE)


@dataclass(frozen=True)
class RunProgress:
    """What a person sees of a run under way. percent is None before the first stage has a length."""

    stage: str
    percent: int | None = None
    eta_s: float | None = None
    device: str = ""


@dataclass(frozen=True, eq=False)
class RunEnd:
    """How a run ended: with a screening and its node, or with a problem."""

    screening: Screening | None = None
    segmentation_node: Any = None
    problem: RunFailure | None = None
    pace: Pace | None = None  # of a run that assessed the scan
    volume_id: str = ""  # of the scan it was about


class ScreeningRun:
    """One run, from its start on. `poll` it every tenth of a second until `end` is there."""

    def __init__(
        self,
        scene: vtkMRMLScene,
        volume_node: vtkMRMLScalarVolumeNode,
        *,
        add_result: AddResult = show_result,
        workers: WarmWorker | None = None,
        python: str | None = None,
        temporary_folder: Path | None = None,
        value_of: ValueOf | None = None,
        **choices: Any,
    ) -> None:
        """Write the voxels into a temporary folder and give the order to a worker.

        add_result: makes the nodes of a result folder that was read; tests replace it. workers: where the worker comes
        from and goes back to; None takes a new one that ends with the run. python: of a new worker. temporary_folder:
        None takes the system's. value_of: elements of DICOM headers, where there is a database. choices: model, device
        and whatever else a request has (`work_order`). Raises PDACScreeningError when the volume cannot be written,
        OSError when no worker can be started; nothing is left behind then.
        """
        self._scene, self._volume_node, self._volume_id = scene, volume_node, volume_node.GetID()
        self._add_result, self._started, self._value_of = add_result, time.monotonic(), value_of
        self._liters = liters_of(volume_node)
        self._message, self._choices = "", choices
        self._result: dict[str, Any] | None = None
        self.progress = RunProgress("starting")
        self.end: RunEnd | None = None
        self._arrival: Generator[None, None, RunEnd] | None = None
        self._workers, self._is_alone = workers or WarmWorker(), workers is None
        self._job = JobFolder(temporary_folder)
        try:
            scan = write_input_file(volume_node, self._job.path / INPUT)
            order = work_order(str(scan), str(self._job.path / RESULT), choices)
            self._process = self._workers.take(python)
            with contextlib.suppress(BrokenPipeError):  # a child that ended at once says why, or its exit code does
                self._process.send(to_plain(order))
        except BaseException:
            self._job.remove()
            raise

    @property
    def cancelling(self) -> bool:
        """Whether the run was asked to stop."""
        return self._process.cancelled

    @property
    def arriving(self) -> bool:
        """Whether the result is being brought in: each `poll` does a part of it, so poll often."""
        return self._arrival is not None and self.end is None

    def poll(self) -> None:
        """Take in what the child said; at its end, bring the result into the scene, a part at a time."""
        if self.end is not None:
            return
        for event in self._process.events():
            self._take(event)
        if not self._volume_is_there():
            self._finish(RunEnd(problem=usual(FailureKind.VOLUME_GONE)))
            return
        if self._arrival is None and (
            not self._process.running or (self._result is not None and not self._process.cancelled)
        ):
            for event in self._process.events():
                self._take(event)
            self._arrival = self._ending()
        if self._arrival is not None:
            try:
                next(self._arrival)
            except StopIteration as end:
                self._finish(end.value)

    def cancel(self) -> None:
        """Stop; `end` says so within about a second."""
        self._process.cancel()

    def abandon(self) -> None:
        """Stop at once and leave nothing behind: neither child, nor file, nor node."""
        if self.end is None:
            self._finish(RunEnd(problem=usual(FailureKind.CANCELLED)))

    def diagnostics(self) -> str:
        """What is needed to report a problem: no name of a patient, a volume, a user or a folder."""
        kind = self.end.problem.kind.value if self.end is not None and self.end.problem is not None else "none"
        facts = {
            **{f"{name} asked for": value for name, value in self._choices.items()},
            "problem": kind,
            "exit code": self._exit_code,
            "last stage": self.progress.stage,
            "message": self._message,
        }
        return diagnostics(facts, "last lines of the process", list(self._process.other_output))

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "progress":
            done, total = event.get("done"), event.get("total")
            share = round(100 * done / total) if isinstance(done, int) and isinstance(total, int) and total else None
            self.progress = RunProgress(
                str(event.get("stage", "")), share, _number(event.get("eta_s")), self.progress.device
            )
        elif kind == "notice" and str(event.get("message", "")).startswith("Computing on"):
            device = str(event["message"]).rstrip(".")
            self.progress = RunProgress(self.progress.stage, self.progress.percent, self.progress.eta_s, device)
        elif kind == "error":
            self._message = str(event.get("message", ""))
        elif kind == "result":
            self._result = event

    def _ending(self) -> Generator[None, None, RunEnd]:
        """What the end of the child means, in steps that Slicer can wait for."""
        outcome = self._result.get("outcome") if self._result is not None else None
        if self._process.cancelled:
            return RunEnd(problem=usual(FailureKind.CANCELLED))
        if outcome not in [item.value for item in _ASSESSED]:
            reason = str(self._result.get("reason", "")) if self._result is not None else ""
            other_output: Sequence[str] = self._process.other_output
            return RunEnd(problem=failure_of(self._exit_code, outcome, reason or self._message, other_output))
        try:
            return (yield from self._brought_in())
        except (OSError, ValueError, PDACScreeningError) as error:
            _logger.info("the result of the screening process cannot be used", exc_info=True)
            self._message = f"{type(error).__name__}: {error}"
            return RunEnd(problem=usual(FailureKind.GARBAGE))
        except Exception as error:  # the run must end: polled again, it would add the same nodes again
            _logger.exception("the result of the screening process could not be brought into the scene")
            self._message = type(error).__name__
            return RunEnd(problem=usual(FailureKind.FAILED))

    def _brought_in(self) -> Generator[None, None, RunEnd]:
        folder = self._job.path / RESULT
        stored = yield from reading(folder)
        if self._value_of is not None:
            numbered = with_numbers_of_dicom(stored.screening, self._volume_node, self._value_of)
            stored = replace(stored, screening=numbered)
        screening = stored.screening
        if screening.input is None:  # refused before the voxels were looked at
            return RunEnd(problem=not_assessable(screening.reason))
        yield
        if self._process.cancelled:
            return RunEnd(problem=usual(FailureKind.CANCELLED))
        if not is_same_image(self._volume_node, screening.input):
            return RunEnd(problem=usual(FailureKind.VOLUME_CHANGED))
        node = self._add_result(self._scene, folder, self._volume_node, stored)
        device = screening.provenance.device if screening.provenance is not None else ""
        pace = Pace(device, (time.monotonic() - self._started) / self._liters)
        return RunEnd(screening, node, pace=pace)

    def _finish(self, end: RunEnd) -> None:
        self._workers.give_back(self._process, self._exit_code if self._result is not None else None)
        if self._is_alone:
            self._workers.close()
        self._job.remove()
        self.end = replace(end, volume_id=self._volume_id)

    @property
    def _exit_code(self) -> int | None:
        """Of the order; of the process when it ended without a word."""
        told = self._result.get("exit_code") if self._result is not None else None
        return told if isinstance(told, int) else self._process.exit_code

    def _volume_is_there(self) -> bool:
        return self._scene.GetNodeByID(self._volume_id) is self._volume_node


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
