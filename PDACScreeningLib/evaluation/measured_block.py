"""The part of a page that is made of an experiment, between two marks, so that a hand-written page keeps up with it."""

from __future__ import annotations

from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.evaluation.outcome_figures import OutcomeFigures

BEGIN, END = "<!-- measured: generated from experiment.json -->", "<!-- end of measured -->"


def has_block(page: str) -> bool:
    """Whether a page leaves a place for measured figures."""
    return page.count(BEGIN) == 1 and page.count(END) == 1 and page.index(BEGIN) < page.index(END)


def with_block(page: str, content: str) -> str:
    """The page with `content` between its marks. Raises ValueError when it has none, or several."""
    if not has_block(page):
        raise ValueError(f"the page has no place between {BEGIN} and {END}")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{content.strip()}\n\n{END}{rest.split(END)[1]}"


def short_table(found: Experiment) -> str:
    """One row a network and one for all together, for a front page."""
    counts = found.counts
    large = {stratum.name: stratum for stratum in found.size_strata if stratum.size == ">= 20 mm"}
    size = large[found.combined.name].sensitivity.total
    head = (
        f"| networks | pancreas, no tumor | pancreas, tumor | tumor | tumors >= 20 mm called ({size}) | "
        f"called and overlapping | not called without a tumor ({counts.without_tumor}) | AUC |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for row in found.table1:
        is_all = row.name == found.combined.name
        name = "**all three**" if is_all else f"{row.name} alone" if "^3" in row.name else row.name
        cells = (
            name,
            row.normal_pancreas.text,
            row.abnormal_pancreas.text,
            row.tumor.text,
            large[row.name].sensitivity.text,
            large[row.name].overlapping.text,
            row.specificity.text,
            row.auc.text,
        )
        lines.append(f"| {' | '.join(cells)} |")
    small = next(one for one in found.size_strata if one.name == found.combined.name and one.size == "< 20 mm")
    return "\n".join(
        [
            f"{counts.readings} held-out phantoms, {counts.with_tumor} with a tumor; Dice as mean and standard "
            "deviation, 95 % intervals in parentheses (bootstrap for the area). Overlapping: Dice of 0.1 or more.",
            "",
            *lines,
            "",
            f"Of the {small.sensitivity.total} tumors below 20 mm {small.sensitivity.count} were called by the three "
            f"together.{_told(found.outcomes)}",
        ]
    )


def _told(outcomes: OutcomeFigures | None) -> str:
    """What a reader is told of scans that are not called; empty where the readings do not know."""
    if outcomes is None:
        return ""
    tumor, none = outcomes.with_tumor, outcomes.without_tumor
    return (
        f" Of {tumor.suspicious.total} scans with a tumor {tumor.not_suspicious.count} are told as not suspicious and "
        f"{tumor.indeterminate.count} as not assessable, of {none.suspicious.total} without one "
        f"{none.not_suspicious.count} and {none.indeterminate.count}."
    )
