"""`report.html`: one self-contained page that a person reads first, on a screen, a phone or paper.

No script, no address: pictures and styles are inside, and the page forbids the browser to load anything. It is
written for every outcome. Patient identifiers appear only if the screening carries them because they were asked for.
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
from PDACScreeningLib.report.page import html_page
from PDACScreeningLib.report.provenance_section import provenance_section
from PDACScreeningLib.report.verdict_section import verdict_line, verdict_section
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import LabelMap


def write_report(screening: Screening, ct: CTVolume | None, label_map: LabelMap | None, path: Path) -> Path:
    """Write the page and return its path.

    ct, label_map: the scan and its labels on the same grid, in any orientation, for the key images. Without a CT there
    are none; with a CT alone they show the middle of the scan, so that a reader sees what could not be assessed.
    Raises WriteError.
    """
    return atomic_file.write_text(path, report_html(screening, ct, label_map))


def report_html(screening: Screening, ct: CTVolume | None, label_map: LabelMap | None) -> str:
    """The whole page as HTML."""
    images = key_image_sets(ct, label_map, screening.findings) if ct is not None else ()
    body = element(
        "body",
        element("header", _notices(screening), class_="research"),
        element(
            "main",
            element("p", "PDAC screening report", class_="title"),
            verdict_section(screening),
            evidence_section(screening),
            figures_section(images),
            findings_section(screening),
            anatomy_section(screening),
            scales_section(screening),
            provenance_section(screening),
        ),
        element("footer", _notices(screening), class_="research"),
    )
    return html_page(f"{verdict_line(screening)} - PDAC screening report", body)


def _notices(screening: Screening) -> Markup:
    """The line that stays in sight: research use, and the model's notice."""
    model = screening.model
    extra = element("span", model.notice) if model and model.notice else fragment()
    return fragment(element("span", screening.notice), extra)
