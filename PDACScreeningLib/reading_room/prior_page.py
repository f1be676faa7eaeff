"""Two results side by side, region by region, by the comparison that the panel of Slicer uses."""

from __future__ import annotations

from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.quantity_words import finding_name
from PDACScreeningLib.reading_room.case_list import ListedCase
from PDACScreeningLib.reading_room.exchange import Response, address, link, page
from PDACScreeningLib.report.markup import Content, Markup, element, fragment, section, table
from PDACScreeningLib.report.outcome_banner import outcome_banner
from PDACScreeningLib.report.prior_comparison import change_sentence, compare_findings, gland_middle_lps_mm
from PDACScreeningLib.report.verdict_section import verdict_line
from PDACScreeningLib.session.stored_result import StoredResult, read_parts

_ONE_PATIENT = "Whether both scans are of one patient is for you to know."
_NO_GLAND = "One of the two results holds no pancreas, so that their places cannot be compared."


def prior_page(before: ListedCase, after: ListedCase) -> Response:
    """The page. Raises ResultError when one of them has no result, or a damaged one."""
    earlier, later = _stored(before), _stored(after)
    content = [
        element("p", link(f"Back to {after.title}", "case", after.name)),
        element("h1", f"{before.title} and {after.title}"),
        element("p", _ONE_PATIENT),
        element("div", _side("Earlier", before, earlier), _side("Later", after, later), class_="beside"),
        section("What has changed", _changes(earlier, later)),
    ]
    return page("Comparison of two results", *content)


def _stored(case: ListedCase) -> StoredResult:
    if case.folder is None:
        raise ResultError(f"{case.title} has no result")
    return read_parts(case.folder)


def _side(when: str, case: ListedCase, stored: StoredResult) -> Markup:
    screening, facts = stored.screening, stored.screening.input
    started = screening.provenance.started_utc[:10] if screening.provenance else ""
    picture: Markup = fragment()
    if facts is not None:
        words = f"Key image of {case.title}"
        picture = element("img", src=address("case", case.name, "picture"), alt=words, width="144", height="144")
    return section(
        f"{when}: {case.title}",
        element("p", verdict_line(screening)),
        element("p", outcome_banner(screening).line, class_="quiet"),
        picture,
        element("p", f"Screened {started}.", class_="quiet") if started else fragment(),
    )


def _changes(earlier: StoredResult, later: StoredResult) -> Markup:
    from_mm, to_mm = gland_middle_lps_mm(earlier.labels), gland_middle_lps_mm(later.labels)
    if from_mm is None or to_mm is None:
        return element("p", _NO_GLAND)
    shift = (to_mm[0] - from_mm[0], to_mm[1] - from_mm[1], to_mm[2] - from_mm[2])
    changes = compare_findings(earlier.screening, later.screening, shift_lps_mm=shift)
    if not changes:
        return element("p", "No findings in either result.")
    rows: list[list[Content]] = [
        [finding_name(change.after or change.before), change_sentence(change)]  # type: ignore[arg-type]  # one is there
        for change in changes
    ]
    return table("Regions of the later result, then those that are gone", ["Region", "Change"], rows)
