"""Beginning a study, or going on with it: with the same cases and the same results, or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PDACScreeningLib.errors import ResultError, UsageError
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.reading_room.case_list import ListedCase
from PDACScreeningLib.reading_room.reader_log import About, Entry, ReaderLog
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.reading_room.study import ANSWER, BEGUN, Study
from PDACScreeningLib.reading_room.study_plan import WASHOUT_DAYS, Arm, StudyCase, StudyPlan, drawn_plan

_DAY_S = 86_400.0


@dataclass(frozen=True)
class StudyRequest:
    """What was asked for; None leaves it to what was stored, or to the default."""

    study: str
    reader: str
    arm: Arm | None = None
    session: int = 1
    seed: int | None = None
    practice: tuple[str, ...] = ()
    washout_days: float = WASHOUT_DAYS


def study_key(study: str, session: int) -> str:
    """The name of a study's session in the log."""
    return f"{study}#{session}"


def start_study(
    request: StudyRequest,
    cases: Sequence[ListedCase],
    log_file: Path,
    finder: ScanFinder,
    on_progress: OnProgress,
    now_s: float,
) -> Study:
    """The study of a reader: the stored one, or a new one once every scan has been found.

    Raises UsageError when cases, results or options are not those that it was begun with, a scan is missing, or it is
    too early for session 2. Passes on what `on_progress` raises.
    """
    log = ReaderLog(log_file, request.reader, study_key(request.study, request.session))
    begun = log.entries(BEGUN)
    readable = {case.name: case for case in cases if case.screening is not None and case.screening.input is not None}
    if begun:
        plan = _stored_plan(begun[0])
        _require_as_begun(plan, request, readable)
        return Study(plan, log)
    if request.session == 2:
        first = _first_session(request, log_file, now_s)
        _require_as_begun(first, request, readable)
        readable = {case.name: readable[case.name] for case in first.cases}
        practice = tuple(case.name for case in first.cases if case.is_practice)
        request = replace(request, arm=first.arm, seed=first.seed, practice=practice)
    if unknown := [name for name in request.practice if name not in readable]:
        raise UsageError(f"--practice {unknown[0]} is no case with a scan")
    if len(readable) <= len(request.practice):
        raise UsageError("a study needs cases with a result and a scan, beside those for practice")
    _require_scans(list(readable.values()), finder, on_progress)
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    arm = request.arm or Arm.SEQUENTIAL
    try:
        plan = drawn_plan(
            request.reader,
            [_study_case(case) for case in readable.values()],
            request.practice,
            arm,
            seed,
            request.session,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    log.add(BEGUN, About(), to_plain(plan), once="begun")
    return Study(plan, log)


def _study_case(case: ListedCase) -> StudyCase:
    model = case.screening.model if case.screening is not None else None
    return StudyCase(case.name, case.scan, case.screening_sha256, model.weights_sha256 if model is not None else "")


def _require_as_begun(plan: StudyPlan, request: StudyRequest, readable: dict[str, ListedCase]) -> None:
    for case in plan.cases:
        now = readable.get(case.name)
        if now is None or (now.scan, now.screening_sha256) != (case.scan, case.result_sha256):
            raise UsageError(f"the result of {case.name} is not the one that the study was begun with; put it back")
    practice = tuple(case.name for case in plan.cases if case.is_practice)
    for name, stored in (("arm", plan.arm), ("seed", plan.seed), ("practice", practice)):
        if getattr(request, name) not in (None, (), stored):
            raise UsageError(f"the study was begun with another --{name}, which stays: leave the option out")


def _first_session(request: StudyRequest, log_file: Path, now_s: float) -> StudyPlan:
    """The plan of session 1. Raises UsageError when that is not done and over."""
    log = ReaderLog(log_file, request.reader, study_key(request.study, 1))
    begun, answers = log.entries(BEGUN), log.entries(ANSWER)
    plan = _stored_plan(begun[0]) if begun else None
    is_done = plan is not None and plan.arm is Arm.CROSSOVER and Study(plan, log).next_step() is None
    log.close()
    if plan is None or not is_done:
        raise UsageError("session 2 comes after session 1 of a crossover (--arm crossover), when all of it is answered")
    days = (now_s - answers[-1].at_s) / _DAY_S
    if days < request.washout_days:
        raise UsageError(
            f"session 1 ended {days:.1f} days ago; session 2 begins after {request.washout_days:g} (--washout-days)"
        )
    return plan


def _stored_plan(entry: Entry) -> StudyPlan:
    try:
        return from_plain(StudyPlan, entry.content)
    except ValueError as error:
        raise UsageError(f"the study that was begun cannot be read: {error}") from error


def _require_scans(cases: Sequence[ListedCase], finder: ScanFinder, on_progress: OnProgress) -> None:
    """Raise UsageError unless every scan is there: a study does not break off for a missing one."""
    for done, case in enumerate(cases):
        on_progress(Progress("looking for the scans", done, len(cases)))
        try:
            finder.find(case.screening.input if case.screening is not None else None, case.place)
        except ResultError as error:
            raise UsageError(f"a study begins when every scan is there; of {case.name}: {error}") from error
    on_progress(Progress("looking for the scans", len(cases), len(cases)))
