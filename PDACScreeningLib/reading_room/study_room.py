"""The reader study: which page an address is. Before a case is answered, nothing of the AI's leaves this room."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.reading_room.case_files import voxels_of
from PDACScreeningLib.reading_room.case_list import ListedCase
from PDACScreeningLib.reading_room.decisions import ACCEPT, REJECT, field_of
from PDACScreeningLib.reading_room.exchange import Request, Response, not_here, problem, see_other
from PDACScreeningLib.reading_room.opened_case import VOXELS, OpenCases, OpenedCase
from PDACScreeningLib.reading_room.reader_log import SaidAlready
from PDACScreeningLib.reading_room.study import Step, Study
from PDACScreeningLib.reading_room.study_pages import aided_page, study_page, unaided_page, wait_page
from PDACScreeningLib.reading_room.study_plan import Condition
from PDACScreeningLib.report.served_scan import ServedScan
from PDACScreeningLib.strict_json import parse_json

_MOST_ACTIONS = 5000  # in one message
_ASK_AGAIN = "Give a whole number from 0 to 100, and accept or reject every finding."


@dataclass(frozen=True)
class StudyRoom:
    """Answers what a reader's browser asks. cases: by name, as they were when the study began."""

    study: Study
    cases: Mapping[str, ListedCase]
    opened: OpenCases
    reader: str
    clock: Callable[[], float] = time.time

    def __call__(self, request: Request) -> Response:
        """The answer to a request. Raises PDACScreeningError for what a reader should know."""
        match request.parts:
            case () if not request.is_post:
                return study_page(self.study, self.reader)
            case ("case", number, *rest) if number.isdecimal() and 1 <= int(number) <= self.study.total:
                return self._case(request, int(number), rest)
        return not_here()

    def _case(self, request: Request, number: int, rest: list[str]) -> Response:
        if request.is_post and rest == ["answer"]:
            return self._answer(number, request.form)
        step = self.study.next_step()
        if step is None or step.number != number:
            return wait_page(self.study, number)
        match rest, request.is_post:
            case [], False:
                return self._page(step)
            case [str(part), layer, piece], False if part == VOXELS:
                return voxels_of(_shown(self._open(number), step), layer, piece)
            case ["actions"], True:
                self.study.act(step, _actions(request.form.get("actions", "")))
                return Response(HTTPStatus.NO_CONTENT)
        return not_here()

    def _page(self, step: Step) -> Response:
        opened = self._open(step.number)
        self.study.open(step)
        facts = _shown(opened, step).facts
        if step.condition is Condition.UNAIDED:
            return unaided_page(self.study, step, facts)
        return aided_page(self.study, step, facts, opened.stored.screening)

    def _open(self, number: int) -> OpenedCase:
        """Raises ResultError without its reason, which would tell of the result."""
        try:
            return self.opened.open(self.cases[self.study.plan.cases[number - 1].name], named=number)
        except ResultError as error:
            raise ResultError("this case cannot be shown; tell whoever runs the study") from error

    def _answer(self, number: int, form: Mapping[str, str]) -> Response:
        """Store what was said; a second answer is refused, whatever it is."""
        if form.get("condition") not in list(Condition):
            return problem(HTTPStatus.BAD_REQUEST, _ASK_AGAIN)
        step = Step(number, Condition(form["condition"]))
        if step in self.study.answered():
            return problem(HTTPStatus.CONFLICT, "This was answered before; the first answer stays.")
        if step != self.study.next_step():
            return wait_page(self.study, number)
        said = self._said(step, form)
        if said is None:
            return problem(HTTPStatus.BAD_REQUEST, _ASK_AGAIN)
        try:
            self.study.answer(step, said, self.clock())
        except SaidAlready:
            return problem(HTTPStatus.CONFLICT, "This was answered before; the first answer stays.")
        after = self.study.next_step()
        return see_other("/" if after is None else f"/case/{after.number}")

    def _said(self, step: Step, form: Mapping[str, str]) -> dict[str, Any] | None:
        """The answer of a form; None when it is none."""
        suspicion = form.get("suspicion", "")
        if not (suspicion.isascii() and suspicion.isdecimal() and int(suspicion) <= 100):
            return None
        said: dict[str, Any] = {"suspicion": int(suspicion), "place_lps_mm": _place(form.get("place", ""))}
        if step.condition is Condition.AIDED:
            screening = self.cases[self.study.plan.cases[step.number - 1].name].screening
            findings = () if screening is None else screening.findings
            choices = {str(one.number): form.get(field_of(one.number)) for one in findings if not one.left_out}
            if not set(choices.values()) <= {ACCEPT, REJECT}:
                return None
            said["findings"] = choices
        return said


def _shown(opened: OpenedCase, step: Step) -> ServedScan:
    return opened.alone if step.condition is Condition.UNAIDED else opened.with_ai


def _place(text: str) -> list[float] | None:
    """Three millimeters; None where nothing was marked."""
    try:
        values = [float(part) for part in text.split()]
    except ValueError:
        return None
    return values if len(values) == 3 and all(map(math.isfinite, values)) else None


def _actions(text: str) -> list[Any]:
    """What the script sends. Raises ResultError for anything else."""
    try:
        actions = parse_json(text)
    except ValueError as error:
        raise ResultError(f"the actions cannot be read: {error}") from error
    if not isinstance(actions, list) or len(actions) > _MOST_ACTIONS:
        raise ResultError("the actions are no list")
    return actions
