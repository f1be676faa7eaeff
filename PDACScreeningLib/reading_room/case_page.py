"""One case: the whole scan to scroll through, what the AI says of it, and what the reader says."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.quantity_words import finding_name
from PDACScreeningLib.reading_room.case_list import ListedCase
from PDACScreeningLib.reading_room.decisions import ACCEPT, REJECT, field_of, why_not
from PDACScreeningLib.reading_room.exchange import Response, address, link, page, post_form
from PDACScreeningLib.reading_room.opened_case import OpenCases, OpenedCase
from PDACScreeningLib.reading_room.worklist import ReadingState, WorkRow, neighbors
from PDACScreeningLib.report.evidence_section import scales_section
from PDACScreeningLib.report.findings_section import findings_section
from PDACScreeningLib.report.markup import Markup, definitions, element, fragment, section
from PDACScreeningLib.report.outcome_banner import outcome_banner, size
from PDACScreeningLib.report.verdict_section import verdict_section
from PDACScreeningLib.report.viewer_section import served_viewer_script, viewer_section
from PDACScreeningLib.resources import resource
from PDACScreeningLib.screening_result import Finding, Screening
from PDACScreeningLib.session.result_folder import LABELS


def case_page(rows: Sequence[WorkRow], case: ListedCase, opened: OpenCases) -> Response:
    """The page. Where scan or result cannot be shown it says why, and what the reader said stays."""
    row = next(row for row in rows if row.case.name == case.name)
    content = [_walk(rows, case)]
    found, why = _opened(case, opened)
    if case.screening is not None:
        screening = case.screening
        content += [verdict_section(screening, outcome_banner(screening).line), _scan(found, why)]
        content += [_decision(row, screening), _note(row), findings_section(screening), scales_section(screening)]
        content += [_elsewhere(rows, case, found)]
    else:
        content += [element("section", element("h2", case.row.state), element("p", case.row.reason)), _note(row)]
    script = resource("report/reading_room.js").read_text(encoding="utf-8")
    return page(case.title, *content, script=script + (served_viewer_script() if found is not None else ""))


def _opened(case: ListedCase, opened: OpenCases) -> tuple[OpenedCase | None, str]:
    """The case with its scan, or why there is none to show."""
    if case.screening is None or case.screening.input is None:
        return None, "No voxels were read, so that there is no scan to show."
    try:
        return opened.open(case), ""
    except ResultError as error:
        return None, f"No scan is shown: {error}."


def walk_link(words: str, key: str, *parts: str | int) -> Markup:
    """A link that a key follows, too."""
    return element("a", words, " ", element("kbd", key), href=address(*parts), data_key=key)


def _walk(rows: Sequence[WorkRow], case: ListedCase) -> Markup:
    before, after = neighbors(rows, case.name)
    return element(
        "nav",
        element("h1", case.title),
        walk_link("Worklist", "w"),
        fragment() if before is None else walk_link("Previous case", "k", "case", before),
        fragment() if after is None else walk_link("Next case", "j", "case", after),
        class_="walk",
        aria_label="Cases",
    )


def _scan(found: OpenedCase | None, why: str) -> Markup:
    if found is None:
        return element("section", element("h2", "Scan"), element("p", why))
    return viewer_section(found.with_ai.facts)


def _decision(row: WorkRow, screening: Screening) -> Markup:
    counted = [finding for finding in screening.findings if not finding.left_out]
    if not counted:
        return fragment()
    if why := why_not(screening):
        return section("My decision", element("p", why))
    return section(
        "My decision",
        _said(row, screening),
        post_form(
            address("case", row.case.name, "decision"),
            element("input", type="hidden", name="result", value=row.case.screening_sha256),
            *(finding_choice(finding, row) for finding in counted),
            element("button", "Store my decision"),
        ),
        element(
            "p",
            "A rejected finding is taken out and the rest is scored again, in a copy of yours; the AI's files stay.",
            class_="quiet",
        ),
    )


def _said(row: WorkRow, screening: Screening) -> Markup:
    """The newest decision beside the AI's answer."""
    if row.decision is None:
        return fragment()
    if not row.rejected:
        return element("p", "You accepted every finding.", class_="said")
    mine, ai = _answer(row.my_outcome, row.decision.content.get("score")), _answer(screening.outcome, screening.score)
    return element(
        "div",
        definitions(
            [
                (f"Without finding {' and '.join(map(str, row.rejected))}", mine),
                ("The AI", ai),
                ("Your copy", element("span", str(row.decision.content.get("copy", "")), class_="path")),
            ]
        ),
        class_="said",
    )


def _answer(outcome: str, score: float | None) -> str:
    return outcome if score is None else f"{outcome}, score {score:.2f}"


def finding_choice(finding: Finding, row: WorkRow | None = None) -> Markup:
    """Accept or reject one finding. row: with the choice that was made before."""
    name = field_of(finding.number)
    was = "" if row is None or row.decision is None else REJECT if finding.number in row.rejected else ACCEPT
    return element(
        "fieldset",
        element("legend", f"{finding_name(finding)}: {size(finding)}"),
        *(
            element(
                "label",
                element("input", type="radio", name=name, value=value, required=True, checked=value == was),
                f" {value}",
            )
            for value in (ACCEPT, REJECT)
        ),
    )


def _note(row: WorkRow) -> Markup:
    states = [element("option", state.value, value=state.value, selected=state is row.state) for state in ReadingState]
    return section(
        "My state and note",
        post_form(
            address("case", row.case.name, "note"),
            element("p", element("label", "My state ", element("select", *states, name="state"))),
            element("label", "My note", element("textarea", row.note, name="note", maxlength="2000")),
            element("p", element("button", "Store")),
        ),
    )


def _elsewhere(rows: Sequence[WorkRow], case: ListedCase, found: OpenedCase | None) -> Markup:
    """The AI's own report, another result beside this one, and 3D Slicer."""
    others = [
        element("option", row.case.title, value=row.case.name)
        for row in sorted(rows, key=lambda row: row.case.name)
        if row.case.name != case.name and row.case.screening is not None
    ]
    compare = post_form(
        address("case", case.name, "prior"),
        element("label", "An earlier result of the patient ", element("select", *others, name="before")),
        element("button", "Compare"),
        class_="ask",
    )
    return section(
        "Elsewhere",
        element("p", link("The AI's report", "case", case.name, "report")),
        compare if others else fragment(),
        _slicer(case, found),
    )


def _slicer(case: ListedCase, found: OpenedCase | None) -> Markup:
    """Outlines are edited in 3D Slicer; this tells what to open there."""
    if found is None or case.folder is None:
        return fragment()
    labels, scan = case.folder / LABELS, found.path
    files = [str(path) for path in ((scan, labels) if labels.exists() else (scan,))]
    command = "Slicer " + " ".join(shlex.quote(path) for path in files)
    how = (
        "Add the folder of the scan in Slicer's DICOM module, then the labels by File, Add Data."
        if scan.is_dir()
        else f"Or in a terminal: {command}"
    )
    return element(
        "details",
        element("summary", "Open in 3D Slicer, to edit outlines"),
        definitions(
            [
                (name, element("code", path, class_="path"))
                for name, path in zip(("Scan", "Labels"), files, strict=False)
            ]
        ),
        element("p", how, class_="path"),
    )
