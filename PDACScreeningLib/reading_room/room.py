"""The reading room: which page an address is, and what is done with what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.reading_room.case_files import picture_of, report_of, voxels_of
from PDACScreeningLib.reading_room.case_list import CaseList, ListedCase
from PDACScreeningLib.reading_room.case_page import case_page
from PDACScreeningLib.reading_room.decisions import REJECT, copy_folder, field_of, without_findings
from PDACScreeningLib.reading_room.exchange import Request, Response, address, not_here, problem, see_other
from PDACScreeningLib.reading_room.opened_case import VOXELS, OpenCases
from PDACScreeningLib.reading_room.prior_page import prior_page
from PDACScreeningLib.reading_room.reader_log import About, ReaderLog
from PDACScreeningLib.reading_room.worklist import DECISION, NOTE, ReadingState, WorkRow, work_rows, worklist_csv
from PDACScreeningLib.reading_room.worklist_page import worklist_page

MOST_LETTERS = 2000  # of a note


@dataclass(frozen=True)
class ReadingRoom:
    """Answers what a browser asks. Nothing of the AI's is ever changed. keep_in: where readers' copies go."""

    cases: CaseList
    log: ReaderLog
    opened: OpenCases
    keep_in: Path

    def __call__(self, request: Request) -> Response:
        """The answer to a request. Raises PDACScreeningError for what a reader should know."""
        match request.parts, request.is_post:
            case (), False:
                return worklist_page(self._rows(), self.log.reader)
            case ("worklist.csv",), False:
                text = worklist_csv(self._rows()).encode()
                saved = {"Content-Disposition": 'attachment; filename="worklist.csv"'}
                return Response(HTTPStatus.OK, text, "text/csv; charset=utf-8", headers=saved)
            case ("case", name, *rest), _:
                case = self.cases.case(name)
                return not_here() if case is None else self._case(request, case, rest)
        return not_here()

    def _rows(self) -> list[WorkRow]:
        return work_rows(self.cases.cases(), self.log)

    def _case(self, request: Request, case: ListedCase, rest: list[str]) -> Response:
        match rest, request.is_post:
            case [], False:
                return case_page(self._rows(), case, self.opened)
            case ["picture"], False:
                return picture_of(case)
            case ["report"], False:
                return report_of(case)
            case [str(part), layer, number], False if part == VOXELS:
                return voxels_of(self.opened.open(case).with_ai, layer, number)
            case ["prior", other], False:
                before = self.cases.case(other)
                return not_here() if before is None else prior_page(before, case)
            case ["prior"], True:
                return see_other(address("case", case.name, "prior", request.form.get("before", "")))
            case ["note"], True:
                return self._note(case, request.form)
            case ["decision"], True:
                return self._decide(case, request.form)
        return not_here()

    def _note(self, case: ListedCase, form: Mapping[str, str]) -> Response:
        state, note = form.get("state", ""), form.get("note", "")
        if state not in list(ReadingState) or len(note) > MOST_LETTERS:
            return problem(HTTPStatus.BAD_REQUEST, f"A note has at most {MOST_LETTERS} letters, and a state.")
        self.log.add(NOTE, about(case), {"state": state, "note": note})
        return see_other(address("case", case.name))

    def _decide(self, case: ListedCase, form: Mapping[str, str]) -> Response:
        """The copy is written before the decision is stored: a decision that counts has its copy."""
        opened = self.opened.open(case)
        counted = [finding.number for finding in opened.stored.screening.findings if not finding.left_out]
        if any(field_of(number) not in form for number in counted):
            return problem(HTTPStatus.BAD_REQUEST, "Accept or reject every finding.")
        if form.get("result") != case.screening_sha256:
            raise ResultError("the scan was screened again since the page was loaded; look at the new result first")
        rejected = [number for number in counted if form[field_of(number)] == REJECT]
        content: dict[str, object] = {"rejected": rejected}
        if rejected:
            answer = without_findings(opened.stored, opened.ct, rejected, f"{case.title}, copy of {self.log.reader}")
            folder = copy_folder(self.keep_in, case.name, self.log.reader, rejected)
            answer.save(folder)
            again = answer.screening
            content |= {"outcome": again.outcome.value, "score": again.score, "copy": str(folder)}
        self.log.add(DECISION, about(case), content)
        return see_other(address("case", case.name))


def about(case: ListedCase) -> About:
    """What an entry about this case, as it is now, names."""
    return About(case.scan, case.name, case.screening_sha256)
