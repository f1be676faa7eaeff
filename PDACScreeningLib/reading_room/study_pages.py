"""The pages of a study. The page of an unaided reading is made of a scan and a number: no result ever reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from PDACScreeningLib.reading_room.case_page import finding_choice
from PDACScreeningLib.reading_room.exchange import Response, address, link, page, post_form
from PDACScreeningLib.reading_room.study import Step, Study
from PDACScreeningLib.report.evidence_section import scales_section
from PDACScreeningLib.report.findings_section import findings_section
from PDACScreeningLib.report.markup import Markup, element, fragment, section
from PDACScreeningLib.report.outcome_banner import outcome_banner
from PDACScreeningLib.report.verdict_section import verdict_section
from PDACScreeningLib.report.viewer_section import served_viewer_script, viewer_section
from PDACScreeningLib.resources import resource
from PDACScreeningLib.screening_result import Screening

_HOW = (
    "Read each scan and say how much you suspect pancreatic cancer, from 0 (none) to 100 (certain). A stored answer "
    "cannot be changed, and cases come one after the other. You may stop at any time and go on later."
)
_PRACTICE = "This is a practice case: its answers are not counted."


def study_page(study: Study, reader: str) -> Response:
    """How far the reader is, and the way on."""
    step, answered = study.next_step(), study.answered()
    done = study.total if step is None else step.number - 1
    on = element("p", "All cases are answered. Thank you.")
    if step is not None:
        words = "Begin" if not answered else "Go on"
        on = element("p", link(f"{words} with case {step.number}", "case", step.number))
    content = [
        element("h1", f"Reader study: {reader}"),
        element("p", _HOW),
        element("p", f"{done} of {study.total} cases answered."),
        on,
    ]
    return page("Reader study", element("section", *content))


def unaided_page(study: Study, step: Step, facts: Mapping[str, Any]) -> Response:
    """The scan alone, and the question. facts: of the scan alone."""
    ask = section(
        "Your reading",
        _form(step, fragment(), "Store my reading"),
    )
    return _reading(study, step, ask, viewer_section(facts))


def aided_page(study: Study, step: Step, facts: Mapping[str, Any], screening: Screening) -> Response:
    """The scan with what the AI says of it, and the question."""
    counted = [finding for finding in screening.findings if not finding.left_out]
    choices = fragment(*(finding_choice(finding) for finding in counted))
    ask = section("Your reading with the AI", _form(step, choices, "Store my reading"))
    verdict = verdict_section(screening, outcome_banner(screening).line)
    return _reading(
        study, step, verdict, ask, viewer_section(facts), findings_section(screening), scales_section(screening)
    )


def wait_page(study: Study, number: int) -> Response:
    """In place of a case whose turn it is not."""
    step = study.next_step()
    where = "It is answered." if step is None or number < step.number else "Its turn has not come."
    back = element("p", link("To the study", ""))
    words = element("h1", f"Case {number} of {study.total}")
    return page("Reader study", element("section", words, element("p", where), back), status=HTTPStatus.CONFLICT)


def _reading(study: Study, step: Step, *content: Markup) -> Response:
    title = f"Case {step.number} of {study.total}"
    practice = element("p", _PRACTICE) if study.plan.cases[step.number - 1].is_practice else fragment()
    head = element("nav", element("h1", title), practice, class_="walk", aria_label="Study")
    script = resource("report/reader_study.js").read_text(encoding="utf-8") + served_viewer_script()
    return page(title, head, *content, script=script)


def _form(step: Step, choices: Markup, words: str) -> Markup:
    """The question. The place of the crosshair can be given with it."""
    suspicion = element("input", name="suspicion", type="number", min="0", max="100", step="1", required=True)
    return post_form(
        address("case", step.number, "answer"),
        element("input", type="hidden", name="condition", value=step.condition.value),
        element("input", type="hidden", name="place", value="", id="study-place"),
        element(
            "p",
            element("label", "My suspicion of pancreatic cancer, 0 to 100 ", suspicion),
            class_="ask",
        ),
        choices,
        element(
            "p",
            element("button", "Mark the place of the cross", type="button", id="study-mark"),
            element("output", "", id="study-marked", data_words="Marked: {place} mm (left, posterior, superior)"),
            class_="ask",
        ),
        element("p", element("button", words)),
        id="study-form",
        data_actions=address("case", step.number, "actions"),
    )
