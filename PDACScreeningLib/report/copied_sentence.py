"""One sentence about a screening that a radiologist can copy into a report, and that claims nothing more."""

from __future__ import annotations

from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.report.outcome_banner import image_of, size, slice_of
from PDACScreeningLib.screening_result import Finding, Screening

_NOT_ASSESSED = "Ducts, vessels, lymph nodes and other organs were not assessed by it."


def copied_sentence(screening: Screening) -> str:
    """E.g. "Research software marked a region of 31 mm (5.3 mL), mean 68 HU, slice 47 of 96 ...". Never a diagnosis."""
    return f"{_found(screening)} {_source(screening)} {_NOT_ASSESSED} {screening.notice}"


def _found(screening: Screening) -> str:
    counted = [finding for finding in screening.findings if not finding.left_out]
    if screening.outcome is Outcome.SUSPICIOUS and counted:
        more = f"; {len(counted) - 1} more" if len(counted) > 1 else ""
        return f"Research software marked as suspicious a region of {_region(counted[0], screening)}{more}."
    if screening.outcome is Outcome.NOT_SUSPICIOUS:
        return "Research software marked no region as suspicious, which does not exclude cancer."
    return f"Research software could not assess the scan: {screening.reason}"


def _region(finding: Finding, screening: Screening) -> str:
    places = (slice_of(finding, screening.input), image_of(finding, screening.input))
    return ", ".join([f"{size(finding)}, mean {finding.mean_hu:.0f} HU", *(place for place in places if place)])


def _source(screening: Screening) -> str:
    software = screening.provenance.software if screening.provenance else "PDACScreening"
    model = f", model {screening.model.name}" if screening.model else ""
    return f"({software}{model}.)"
