"""A worker takes scans of a cohort until none is left. Start as many as you like, anywhere; kill any."""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PDACScreeningLib.child_run.one_order import OrderEnd, carry_out
from PDACScreeningLib.child_run.warm_worker import WarmWorker
from PDACScreeningLib.cohort.folder import CohortFolder, Standing
from PDACScreeningLib.cohort.plan import MAX_FAILED_STARTS, Case
from PDACScreeningLib.cohort.series_links import link_series
from PDACScreeningLib.errors import ResultError, WriteError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.session.stored_result import read_screening
from PDACScreeningLib.session.work_order import WorkOrder, work_order
from PDACScreeningLib.work_claim import Claim, ClaimBoard, ClaimEnd

_logger = logging.getLogger(__name__)

MIN_FREE_BYTES = 200 * 2**20  # ours: below, no scan is begun: a result may take as much
_COMMITTED = (Outcome.SUSPICIOUS, Outcome.NOT_SUSPICIOUS, Outcome.INDETERMINATE, Outcome.REJECTED)
_RESULT, _LINKS = "result", "scan"


class Listener(Protocol):
    """Who is told what a worker does."""

    def notice(self, message: str) -> None:
        """One sentence a person should know."""


@dataclass(frozen=True)
class Machine:
    """What this worker computes on; workers of one cohort may differ."""

    device: str = "auto"
    memory_gib: float | None = None


@dataclass
class WorkDone:
    """What one worker did."""

    committed: int = 0
    failed: int = 0
    lost: int = 0  # finished, but another worker had been faster
    quarantined: int = 0
    unseen: int = 0  # scans that lie where this machine cannot see them
    was_stopped: bool = False


class CohortWorker:
    """One worker with its child, which keeps the model loaded from scan to scan."""

    def __init__(
        self, cohort: CohortFolder, machine: Machine, listener: Listener, should_stop: Callable[[], bool]
    ) -> None:
        self._cohort, self._machine = cohort, machine
        self._listener, self._should_stop = listener, should_stop
        self._workers = WarmWorker(cohort.plan.lease_s + 60)
        self._board: ClaimBoard = cohort.board()
        self._open: Sequence[Case] = cohort.plan.cases
        self.done = WorkDone()

    def work(self, on_progress: OnProgress) -> WorkDone:
        """Screen until every scan is settled or worked on by others that live; what was done.

        Raises WriteError when the disk is full or the cohort's folder cannot be written: no further scan is begun.
        """
        total = len(self._cohort.plan.cases)
        try:
            while waiting := self._waiting():
                on_progress(Progress("screening the cohort", total - len(waiting), total))
                if not self._round(waiting, lambda left: on_progress(_progress(total, left))):
                    break
        except OSError as error:
            raise WriteError(
                f"the cohort's folder cannot be written: {error.strerror}; check free disk space and permissions, then "
                "start the worker again"
            ) from error
        finally:
            self._workers.close()
            self._cohort.sweep_attempts(self._board)
            self._board.close()
        on_progress(_progress(total, len(self._waiting())))
        return self.done

    def _waiting(self) -> list[Standing]:
        """The scans that are not settled. One that was is not looked at again."""
        standings = [standing for standing in map(self._cohort.standing, self._open) if not standing.is_settled]
        self._open = [standing.case for standing in standings]
        self.done.unseen = sum(not standing.name for standing in standings)
        return [standing for standing in standings if standing.name]

    def _round(self, waiting: Sequence[Standing], tell: Callable[[int], None]) -> bool:
        """Try to take each waiting scan once; False when the worker was told to stop.

        Every worker begins at another place of the list, so that they do not all ask for the same scan.
        """
        start, took = secrets.randbelow(len(waiting)), 0
        for place, standing in enumerate(self._untried_first([*waiting[start:], *waiting[:start]])):
            if self._should_stop():
                self.done.was_stopped = True
                return False
            self._require_room()
            if self._take(standing):
                took += 1
                tell(len(waiting) - place - 1)
            if self.done.was_stopped:
                return False
        return took > 0 or self._rest()

    def _untried_first(self, waiting: Sequence[Standing]) -> Iterator[Standing]:
        """Scans that were begun in vain come last: one that ends its workers holds up no other, and workers that are
        killed for reasons of their own, again and again, do not meet the same scan each time."""
        begun = []
        for standing in waiting:
            if self._board.starts(standing.name).against:
                begun.append(standing)
            else:
                yield standing
        yield from begun

    def _rest(self) -> bool:
        """Others are at all that is left: wait until one of them ends or is given up. False when told to stop."""
        end = time.monotonic() + self._cohort.plan.lease_s / 4
        while time.monotonic() < end:
            if self._should_stop():
                self.done.was_stopped = True
                return False
            time.sleep(min(0.5, self._cohort.plan.lease_s / 20))
        return True

    def _require_room(self) -> None:
        if shutil.disk_usage(self._cohort.folder).free < MIN_FREE_BYTES:
            raise WriteError(
                f"less than {MIN_FREE_BYTES // 2**20} MiB are free on the cohort's disk, so no further scan is begun; "
                "make room, then start the worker again"
            )

    def _take(self, standing: Standing) -> bool:
        """Claim a scan and screen it; whether there was anything to do."""
        if self._cohort.has_result(standing.name):
            return True
        claim = self._board.take(standing.name)
        if claim is None:
            return False
        with claim:
            claim.end(self._screen_claimed(standing, claim))
        return True

    def _screen_claimed(self, standing: Standing, claim: Claim) -> ClaimEnd:
        """Screen a scan that is ours, unless it was settled a moment ago or has ended too many workers."""
        now = self._cohort.standing(standing.case)
        if now.is_settled or now.name != standing.name:
            return ClaimEnd.WITHDRAWN
        failed = self._board.starts(standing.name).against - 1  # without this one
        if failed >= MAX_FAILED_STARTS:
            self._cohort.put_in_quarantine(
                standing.name, f"{failed} workers failed or were ended while they screened it"
            )
            self.done.quarantined += 1
            return ClaimEnd.WITHDRAWN
        attempt = self._cohort.attempts / f"{standing.name}-{secrets.token_hex(4)}"
        attempt.mkdir(parents=True)
        try:
            return self._settle(standing, attempt / _RESULT, self._screened(standing.case, attempt, claim))
        finally:
            shutil.rmtree(attempt, ignore_errors=True)

    def _screened(self, case: Case, attempt: Path, claim: Claim) -> OrderEnd:
        """The worker's child does the work. It is ended when this worker is told to stop or has lost its claim."""
        order = self._order(case, attempt)
        try:
            return carry_out(self._workers, order, should_stop=lambda: self._should_stop() or claim.is_lost)
        except OSError as error:
            return OrderEnd(None, f"the screening process could not be started: {error.strerror or error}")

    def _order(self, case: Case, attempt: Path) -> WorkOrder:
        settings = self._cohort.plan.settings
        choices = {
            "model": settings.model,
            "precision": settings.precision,
            "device": self._machine.device,
            "memory_gib": self._machine.memory_gib,
            "protocol": settings.protocol,
            "include_identifiers": settings.include_identifiers,
            "dicom_out": settings.dicom_out,
            "folds": settings.folds,
            "mirroring": settings.mirroring,
            "label": case.id,
            "series": None if case.listed else case.series or None,
        }
        return work_order(str(self._place(case, attempt)), str(attempt / _RESULT), choices)

    def _place(self, case: Case, attempt: Path) -> Path:
        """Where the scan lies: for a series in a mixed folder, a folder of links to its files alone."""
        place, files = Path(case.scan), self._cohort.files_of(case)
        return link_series([place / name for name in files], attempt / _LINKS) if files else place

    def _settle(self, standing: Standing, result: Path, end: OrderEnd) -> ClaimEnd:
        """What an ending means: a result that counts, a failure, or nothing."""
        if end.outcome is Outcome.CANCELLED:
            self.done.was_stopped = self.done.was_stopped or self._should_stop()
            return ClaimEnd.CANCELLED
        reason = end.reason
        if end.outcome in _COMMITTED:
            try:
                if read_screening(result).outcome is end.outcome:
                    return self._committed(standing, result)
                reason = "the result is not the one that was told"
            except ResultError as error:
                reason = str(error)
        self.done.failed += 1
        self._listener.notice(f"{standing.case.id} failed and will be tried again: {reason}")
        return ClaimEnd.FAILED

    def _committed(self, standing: Standing, result: Path) -> ClaimEnd:
        """Commit, if the scan still is the one that was screened and nobody was faster."""
        if self._cohort.standing(standing.case).name != standing.name:
            self._listener.notice(f"{standing.case.id} was changed while it was screened, and is screened again")
            return ClaimEnd.CANCELLED
        if self._cohort.commit(result, standing.name):
            self.done.committed += 1
        else:
            self.done.lost += 1
        return ClaimEnd.DONE


def _progress(total: int, left: int) -> Progress:
    return Progress("screening the cohort", max(0, total - left), total)
