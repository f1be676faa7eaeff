"""`report.html`: one self-contained page that a person reads first, on a screen, a phone or paper.

No address: pictures, styles and one script are inside, and the page forbids the browser to load anything or to run
another script. Without scripts, and on paper, the key images stay. It is written for every outcome. Patient identifiers
appear only if the screening carries them because they were asked for.
"""

from __future__ import annotations

from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.report.anatomy_section import anatomy_section
from PDACScreeningLib.report.evidence_section import evidence_section, scales_section
from PDACScreeningLib.report.figures_section import figures_section
from PDACScreeningLib.report.findings_section import findings_section
from PDACScreeningLib.report.key_images import key_image_sets
from PDACScreeningLib.report.markup import Markup, element, fragment
from PDACScreeningLib.report.outcome_banner import outcome_banner
from PDACScreeningLib.report.page import html_page
from PDACScreeningLib.report.provenance_section import provenance_section
from PDACScreeningLib.report.verdict_section import verdict_line, verdict_section
from PDACScreeningLib.report.viewer_scan import MOST_BYTES, Evidence, viewer_scan
from PDACScreeningLib.report.viewer_section import viewer_script, viewer_section
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.volume.ct_volume import CTVolume


def write_report(screening: Screening, ct: CTVolume | None, evidence: Evidence | None, path: Path) -> Path:
    """Write the page and return its path.

    ct, evidence: the scan and what lies over it on the same grid, in any orientation, for the key images and for
    scrolling. Without a CT there are none; with a CT alone they show the middle of the scan, so that a reader sees what
    could not be assessed. Raises WriteError.
    """
    return atomic_file.write_text(path, report_html(screening, ct, evidence))


def report_html(
    screening: Screening, ct: CTVolume | None, evidence: Evidence | None = None, *, most_bytes: int = MOST_BYTES
) -> str:
    """The whole page as HTML. most_bytes: of the voxels that can be scrolled; see `viewer_scan`."""
    evidence = evidence or Evidence()
    images = key_image_sets(ct, evidence.labels, screening.findings) if ct is not None else ()
    viewer: Markup | str = ""
    if ct is not None:
        scan = viewer_scan(screening, ct, evidence, most_bytes=most_bytes)
        viewer = viewer_section(scan.facts, scan.voxels)
    body = element(
        "body",
        element("header", _notices(screening), class_="research"),
        element(
            "main",
            element("p", f"PDAC screening report: {_scan_name(screening)}", class_="title"),
            verdict_section(screening, outcome_banner(screening).line),
            viewer,
            figures_section(images),
            evidence_section(screening),
            findings_section(screening),
            anatomy_section(screening),
            scales_section(screening),
            provenance_section(screening),
        ),
        element("footer", _notices(screening), class_="research"),
    )
    script = viewer_script() if ct is not None else ""
    title = f"{_scan_name(screening)}: {verdict_line(screening)} - PDAC screening report"
    return html_page(title, body, script=script)


def _notices(screening: Screening) -> Markup:
    """The line that stays in sight, on paper at both ends: research use, the model's notice, which scan."""
    model = screening.model
    extra = element("span", model.notice) if model and model.notice else fragment()
    return fragment(element("span", screening.notice), extra, element("span", _scan_name(screening)))


def _scan_name(screening: Screening) -> str:
    """What the reader calls the scan, else when it was screened: two reports can be told apart."""
    if screening.label:
        return screening.label
    started = screening.provenance.started_utc if screening.provenance else ""
    return f"scan without a label, screened {started[:16].replace('T', ' ')} UTC" if started else "scan without a label"
