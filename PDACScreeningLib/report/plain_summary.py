"""The screening in a few lines of plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.quantity_words import finding_name, rule_words, volume_and_voxels
from PDACScreeningLib.report.ensemble_words import ensemble_words
from PDACScreeningLib.report.network_agreement import network_agreement
from PDACScreeningLib.report.structure_words import structure_words
from PDACScreeningLib.report.verdict_section import verdict_line
from PDACScreeningLib.screening_result import Finding, Screening


def plain_summary(screening: Screening, files: Iterable[Path] = ()) -> str:
    """Verdict, reason, notice of the model, what was found, warnings, and where the files are; no patient identifier.

    files: shown as they are given; the report is named first when it is among them. The text ends without a line end.
    """
    return "\n".join(_lines(screening, list(files)))


def _lines(screening: Screening, files: list[Path]) -> Iterator[str]:
    headline = verdict_line(screening)
    yield headline
    if screening.reason not in headline:
        yield f"  {screening.reason}"
    if screening.model and screening.model.notice:
        yield f"  Model: {screening.model.notice}"
    yield from _evidence(screening)
    yield from (_finding_line(finding) for finding in screening.findings)
    yield from (f"  {structure_words(measures)}" for measures in screening.anatomy if measures.looked_at)
    yield from (f"  Warning: {warning}" for warning in screening.warnings)
    yield from (f"  {path}" for path in sorted(files, key=lambda path: path.suffix != ".html"))
    yield f"  {screening.notice}"


def _evidence(screening: Screening) -> Iterator[str]:
    if screening.tumor_voxels is None:
        return
    if screening.protocol is not None:
        found = volume_and_voxels(screening.tumor_volume_mm3, screening.tumor_voxels)
        yield f"  Tumor: {found}; {_rule(screening.protocol)}"
    if agreement := network_agreement(screening):
        yield f"  {agreement}"
    if screening.score is not None:
        yield f"  Score: {screening.score:.3f} (0 to 1, ranks scans; not a probability of cancer)"
    if screening.candidate_score is not None:
        yield f"  Candidate score: {screening.candidate_score:.3f} (surest lesion candidate, as PANORAMA's baseline)"
    if screening.protocol is not None and (words := ensemble_words(screening.protocol)):
        yield f"  Networks: {words}"


def _rule(protocol: Protocol) -> str:
    return f"suspicious from {rule_words(protocol.decision, protocol.voxel_mm3)}"


def _finding_line(finding: Finding) -> str:
    mean = finding.mean_tumor_probability
    probability = "" if mean is None else f", mean tumor probability {mean:.3f}"
    return (
        f"  {finding_name(finding)}: {finding.longest_diameter_mm:.1f} mm, {finding.shown_volume_mm3 / 1000:.2f} mL, "
        f"mean {finding.mean_hu:.0f} HU{probability}"
    )
