"""The worklist as a page: a row a scan, filtered, sorted and walked through by keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PDACScreeningLib.outcome import JUDGED, Outcome
from PDACScreeningLib.reading_room.exchange import Response, address, link, page
from PDACScreeningLib.reading_room.worklist import STATES, ReadingState, WorkRow
from PDACScreeningLib.report.markup import Markup, element, fragment
from PDACScreeningLib.report.quantity import in_milliliters
from PDACScreeningLib.resources import resource

_SHAPES = {Outcome.SUSPICIOUS.value: "\N{BLACK UP-POINTING TRIANGLE}", Outcome.NOT_SUSPICIOUS.value: "\N{WHITE CIRCLE}"}
_NO_ANSWER = "\N{BLACK SQUARE}"
_COLUMNS = ("Case", "Outcome", "Score", "Largest", "Agreement", "Warnings", "My state", "My note")
_ORDERS = (("", "not assessed first, then by score"), ("case", "case"), ("score", "score"), ("mm", "largest finding"))
_MORE_ORDERS = (("warnings", "warnings"), ("state", "my state"))
_KEYS = "Keys: j and k go down and up, Enter opens the case. A score ranks scans; it is no probability of cancer."


def worklist_page(rows: Sequence[WorkRow], reader: str) -> Response:
    """The page. Without scripts it is the list in its order."""
    head = element("thead", element("tr", *(element("th", column, scope="col") for column in _COLUMNS)))
    body = element("tbody", *(_row(row) for row in rows))
    table = element("table", element("caption", _counts(rows)), head, body, id="worklist")
    script = resource("report/worklist.js").read_text(encoding="utf-8")
    content = [
        element("h1", f"Worklist of {reader}"),
        _controls(rows),
        table,
        element("p", _KEYS, class_="quiet"),
        element("p", link("The list as CSV", "worklist.csv")),
    ]
    return page("Worklist", element("section", *content), script=script)


def _counts(rows: Sequence[WorkRow]) -> str:
    found = Counter(row.case.row.state for row in rows)
    read = sum(row.state is ReadingState.READ for row in rows)
    parts = ", ".join(f"{found[state]} {state}" for state in STATES if found[state])
    return f"{len(rows)} scan{'' if len(rows) == 1 else 's'}: {parts}. {read} read."


def _controls(rows: Sequence[WorkRow]) -> Markup:
    outcomes = [state for state in STATES if any(row.case.row.state == state for row in rows)]
    return element(
        "div",
        element("label", "Find ", element("input", id="find", type="search")),
        _choice("outcome", "Outcome ", [("", "all"), *((state, state) for state in outcomes)]),
        _choice("state", "My state ", [("", "all"), *((state.value, state.value) for state in ReadingState)]),
        _choice("order", "Order ", [*_ORDERS, *_MORE_ORDERS]),
        element("output", "", id="shown", data_words="{shown} of {total} shown"),
        class_="controls",
    )


def _choice(name: str, words: str, options: Sequence[tuple[str, str]]) -> Markup:
    return element("label", words, element("select", *(element("option", w, value=v) for v, w in options), id=name))


def _row(row: WorkRow) -> Markup:
    case, said = row.case, row.case.row
    score = "" if said.score is None else f"{said.score:.2f}"
    longest = "" if said.longest_diameter_mm is None else f"{said.longest_diameter_mm:.0f} mm"
    mine = f"{row.my_outcome} without finding {' and '.join(map(str, row.rejected))}" if row.rejected else ""
    note = f"{row.note[:120]}..." if len(row.note) > 120 else row.note
    cells = [
        element("span", f"{_SHAPES.get(said.state, _NO_ANSWER)} {said.state}", _why(row)),
        score,
        longest,
        said.agreement.rstrip("."),
        str(said.warnings or ""),
        fragment(row.state.value, element("br"), mine) if mine else row.state.value,
        note,
    ]
    named = zip(_COLUMNS[1:], cells, strict=True)
    return element(
        "tr",
        element("th", _picture(row), link(case.title, "case", case.name), scope="row"),
        *(element("td", element("span", cell), data_label=column) for column, cell in named),
        data_outcome=said.state,
        data_state=row.state.value,
        data_case=case.title,
        data_score="" if said.score is None else repr(said.score),
        data_mm="" if said.longest_diameter_mm is None else repr(said.longest_diameter_mm),
        data_warnings=str(said.warnings or 0),
    )


def _why(row: WorkRow) -> Markup:
    said = row.case.row
    if said.state in JUDGED or not said.reason:
        return fragment()
    return element("span", in_milliliters(said.reason), class_="why")


def _picture(row: WorkRow) -> Markup:
    """Loaded when it comes into sight; the words beside it say all that it shows."""
    if row.case.folder is None or row.case.screening is None or row.case.screening.input is None:
        return element("span", class_="thumb")
    source = address("case", row.case.name, "picture")
    return element("img", src=source, alt="", class_="thumb", width="72", height="72", loading="lazy")
