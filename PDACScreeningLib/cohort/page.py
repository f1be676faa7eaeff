"""The table of a cohort as one page: counts first, then what was not assessed, then by score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from PDACScreeningLib.cohort.plan import Settings
from PDACScreeningLib.cohort.table import DAMAGED, ORDER, QUARANTINED, UNSEEN, WAITING, Row, counts
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.report.markup import Content, Markup, element, section, table
from PDACScreeningLib.report.page import html_page
from PDACScreeningLib.screening_result import RESEARCH_NOTICE

_TITLES = {
    QUARANTINED: "Put aside: workers failed or were ended while they screened these",
    DAMAGED: "Damaged results: screen these again",
    UNSEEN: "Scans that cannot be found",
    WAITING: "Not screened yet",
}
_COLUMNS = ["Scan", "Score", "Findings", "Largest", "Tumor", "Networks", "Warnings", "Why"]


def cohort_page(rows: Sequence[Row], settings: Settings, notice: str) -> str:
    """The page. rows: as `table_rows` sorts them. notice: the model's own sentence, empty when it has none."""
    found = counts(rows)
    body = element(
        "main",
        element("h1", f"Cohort of {len(rows)} scans"),
        element("p", _summary(found, len(rows))),
        element(
            "p", f"Model {settings.model_name}, {settings.protocol}, version {settings.software}. {notice}".strip()
        ),
        element("p", "A score ranks scans; it is not a probability of cancer. " + RESEARCH_NOTICE),
        *[_part(state, list(own)) for state, own in groupby(rows, key=lambda row: row.state)],
    )
    return html_page("Cohort", element("body", body))


def _summary(found: dict[str, int], total: int) -> str:
    assessed = found[Outcome.SUSPICIOUS.value] + found[Outcome.NOT_SUSPICIOUS.value]
    parts = ", ".join(f"{found[state]} {state}" for state in ORDER if found[state])
    return f"{assessed} of {total} scans were assessed. {parts}."


def _part(state: str, rows: list[Row]) -> Markup:
    title = _TITLES.get(state) or Outcome(state).verdict
    caption = f"{len(rows)} scan{'' if len(rows) == 1 else 's'}: {state}"
    return section(f"{title} ({len(rows)})", table(caption, _COLUMNS, [_cells(row) for row in rows]))


def _cells(row: Row) -> list[Content]:
    name: Content = element("a", row.case, href=row.report) if row.report else row.case
    return [
        name,
        "" if row.score is None else f"{row.score:.2f}",
        "" if row.findings is None else str(row.findings),
        "" if row.longest_diameter_mm is None else f"{row.longest_diameter_mm:.0f} mm",
        "" if row.tumor_volume_ml is None else f"{row.tumor_volume_ml:.2f} mL",
        row.agreement,
        "" if not row.warnings else str(row.warnings),
        f"{row.reason} {row.scan}".strip(),
    ]
