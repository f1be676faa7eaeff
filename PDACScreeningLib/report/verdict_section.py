"""The first thing a person reads: the verdict in plain words, why, and what to keep in mind before believing it."""

from __future__ import annotations

from PDACScreeningLib.outcome import JUDGED, Outcome
from PDACScreeningLib.report.markup import Markup, element, fragment
from PDACScreeningLib.screening_result import Screening

NOT_LOOKED_AT = "Not looked at: ducts, vessels, lymph nodes, liver and every other organ."


def verdict_section(screening: Screening, at_a_glance: str) -> Markup:
    """Verdict, what is to be seen and where, why, what was not looked at, notice of the model, warnings, in this order.

    at_a_glance: the largest finding, its slice, agreement of the networks, number of warnings; empty without any.
    """
    return element(
        "section",
        *_headline(screening, at_a_glance),
        element("p", NOT_LOOKED_AT, class_="quiet") if screening.outcome in JUDGED else fragment(),
        _model_notice(screening),
        _warnings(screening.warnings),
        class_=f"verdict {screening.outcome.lower().replace('_', '-')}",
    )


def verdict_line(screening: Screening) -> str:
    """One line, e.g. "Suspicious region found" or "Not assessable: the coarse scan found no pancreas"."""
    if screening.outcome is Outcome.INDETERMINATE and screening.reason:
        return f"{screening.outcome.verdict}: {screening.reason}"
    return screening.outcome.verdict


def _headline(screening: Screening, at_a_glance: str) -> tuple[Markup, ...]:
    verdict, reason = screening.outcome.verdict, screening.reason
    glance = element("p", f"{at_a_glance}.", class_="glance") if at_a_glance else fragment()
    if screening.outcome is Outcome.INDETERMINATE and reason:
        return (element("h1", f"{verdict}: ", element("span", reason)), glance)
    return (element("h1", verdict), glance, element("p", reason, class_="reason"))


def _model_notice(screening: Screening) -> Markup:
    if screening.model is None or not screening.model.notice:
        return fragment()
    notice = screening.model.notice
    return element("p", element("strong", "Model: "), notice, class_="notice")


def _warnings(warnings: tuple[str, ...]) -> Markup:
    if not warnings:
        return fragment()
    title = "Warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
    items = [element("li", warning) for warning in warnings]
    return element("div", element("h2", title), element("ul", *items), class_="warnings")
