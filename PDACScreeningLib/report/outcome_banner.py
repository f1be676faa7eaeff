"""What a reader sees in two seconds: how the screening ended, where the largest region is, how sure, what to beware of.

Each kind of banner has an icon of its own shape, so that it is told apart without color, and its own text and ground,
so that it reads the same in light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PDACScreeningLib.image_numbers import slice_index
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.report.network_agreement import network_agreement
from PDACScreeningLib.report.quantity import in_milliliters, milliliters
from PDACScreeningLib.report.verdict_section import verdict_line
from PDACScreeningLib.screening_result import Finding, InputFacts, Screening


class Tone(StrEnum):
    """The kinds of banners."""

    SUSPICIOUS = "suspicious"
    NOT_SUSPICIOUS = "not-suspicious"
    NOT_ASSESSABLE = "not-assessable"
    STALE = "stale"
    NOT_CURRENT = "not-current"

    @property
    def icon(self) -> str:
        """The picture among the resources."""
        return f"Icons/outcome-{self}.png"

    @property
    def text_color(self) -> str:
        """Of the letters, #rrggbb."""
        return COLORS[self][0]

    @property
    def ground_color(self) -> str:
        """Of what the letters stand on, #rrggbb."""
        return COLORS[self][1]


COLORS = {  # letters, ground; a test holds their contrast to at least 4.5:1
    Tone.SUSPICIOUS: ("#ffffff", "#a3340b"),
    Tone.NOT_SUSPICIOUS: ("#ffffff", "#1d5f91"),
    Tone.NOT_ASSESSABLE: ("#ffffff", "#5a5a5a"),
    Tone.STALE: ("#1a1a1a", "#f0c24b"),
    Tone.NOT_CURRENT: ("#ffffff", "#6b3f8f"),
}
_TONES = {Outcome.SUSPICIOUS: Tone.SUSPICIOUS, Outcome.NOT_SUSPICIOUS: Tone.NOT_SUSPICIOUS}


@dataclass(frozen=True)
class Banner:
    """What the banner says. An empty line has nothing to say."""

    tone: Tone
    headline: str
    line: str


def outcome_banner(screening: Screening) -> Banner:
    """The banner of a screening that is about the image in front and about the segments as they are."""
    tone = _TONES.get(screening.outcome, Tone.NOT_ASSESSABLE)
    facts = [_largest(screening), network_agreement(screening).rstrip("."), _warnings(len(screening.warnings))]
    return Banner(tone, in_milliliters(verdict_line(screening)), ". ".join(fact for fact in facts if fact))


def stale_banner(screening: Screening) -> Banner:
    """The segments were edited since the last score: the verdict is named, not believed."""
    return Banner(
        Tone.STALE, "Edited: the score is stale", f"Press Re-score. Before the edit: {screening.outcome.verdict}"
    )


def not_current_banner(why: str) -> Banner:
    """The result is not about the image in front: nothing of it is said."""
    return Banner(Tone.NOT_CURRENT, "Not current", why.removeprefix("Not current: "))


def size(finding: Finding) -> str:
    """31 mm (11.0 mL)."""
    return f"{finding.longest_diameter_mm:.0f} mm ({milliliters(finding.shown_volume_mm3)})".replace(
        "\N{NO-BREAK SPACE}", " "
    )


def slice_of(finding: Finding, facts: InputFacts | None) -> str:
    """Where to scroll to: "slice 13 of 24", counted from 1 in the order of the scan's slices; empty when unknown."""
    if facts is None:
        return ""
    return f"slice {slice_index(finding, facts) + 1} of {facts.shape_zyx[0]}"


def image_of(finding: Finding, facts: InputFacts | None) -> str:
    """Where to scroll to in the PACS: "series 3 image 46"; empty where the headers do not tell."""
    if finding.image_number is None:
        return ""
    if facts is None or facts.series_number is None:
        return f"image {finding.image_number}"
    return f"series {facts.series_number} image {finding.image_number}"


def _largest(screening: Screening) -> str:
    if not screening.findings:
        return ""
    finding = screening.findings[0]
    counted = sum(not other.left_out for other in screening.findings)
    if finding.left_out:
        found = f"Only regions that the component rule left out; the largest: {size(finding)}"
    elif screening.outcome is Outcome.NOT_SUSPICIOUS:
        found = f"Largest region, too small for the rule: {size(finding)}"
    else:
        found = f"Largest finding {size(finding)}" if counted > 1 else f"Finding {size(finding)}"
    places = (slice_of(finding, screening.input), image_of(finding, screening.input))
    return ", ".join([found, *(place for place in places if place)])


def _warnings(count: int) -> str:
    return f"{count} warning{'' if count == 1 else 's'} below" if count else ""
