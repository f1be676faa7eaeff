"""Every tumor region, measured; and in words what the absence of one means."""

from __future__ import annotations

from PDACScreeningLib.quantity_words import NOT_LOOKED_AT, finding_name
from PDACScreeningLib.report.markup import Content, Markup, element, fragment, section, table
from PDACScreeningLib.report.quantity import count, hounsfield, length, position, share, volume
from PDACScreeningLib.screening_result import Finding, Screening

NOT_ASSESSED = (
    f"Not assessed: the position within the pancreas, lymph nodes, the liver and every other organ. The pancreatic and "
    f"bile ducts and the vessels were {NOT_LOOKED_AT}: only pancreas and tumor are outlined."
)
NOT_ASSESSED_BESIDE_ANATOMY = (
    "Not assessed: the position within the pancreas, lymph nodes, the liver and every other organ."
)
_COLUMNS = [
    *("Finding", "Longest diameter", "Volume", "Centroid", "Mean density", "Mean tumor probability"),
    *("Voxels of the rule", "Their volume"),
]
_TWO_GRIDS = (
    "Volume is measured on the scan's own grid, as other programs measure the segmentation. Voxels and volume of the "
    "rule are those of the working grid, on which the call is made."
)


def findings_section(screening: Screening) -> Markup:
    """The findings table; where a scan was judged without findings, a sentence; else nothing."""
    if screening.tumor_voxels is None:
        return fragment()
    content = _table(screening.findings) if screening.findings else _no_findings()
    not_assessed = NOT_ASSESSED_BESIDE_ANATOMY if screening.anatomy else NOT_ASSESSED
    return section("Findings", content, element("p", not_assessed, class_="quiet"))


def _table(findings: tuple[Finding, ...]) -> Markup:
    rows = [_row(finding) for finding in findings]
    listed = table("Connected tumor regions, largest first", _COLUMNS, rows)
    return fragment(listed, element("p", _TWO_GRIDS, class_="quiet"))


def _row(finding: Finding) -> list[Content]:
    return [
        finding_name(finding),
        length(finding.longest_diameter_mm),
        volume(finding.shown_volume_mm3),
        position(finding.centroid_lps_mm),
        hounsfield(finding.mean_hu),
        share(finding.mean_tumor_probability),
        count(finding.voxels),
        volume(finding.volume_mm3),
    ]


def _no_findings() -> Markup:
    return element(
        "p",
        "No voxel was marked as tumor. This does not exclude cancer: the method misses tumors, above all small ones "
        "and those that look like the pancreas around them.",
    )
