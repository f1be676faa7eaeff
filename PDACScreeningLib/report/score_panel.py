"""What the panel says of a screening: plain strings, verdict first. No Qt, no number that is not in `Screening`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PDACScreeningLib.report.quantity import milliliters
from PDACScreeningLib.report.verdict_section import verdict_line
from PDACScreeningLib.screening_result import Finding, ModelFacts, Protocol, ScaleEvidence, Screening
from PDACScreeningLib.volume.geometry import XYZ

FINDING_COLUMNS = ("No.", "Size (mm)", "mL", "Location (mm)", "Prob.", "HU")


@dataclass(frozen=True)
class ScorePanel:
    """One string a label; an empty one has nothing to say."""

    verdict: str
    reason: str
    demo: str  # the notice of a model that must not be taken for more than it is
    warnings: tuple[str, ...]
    score: str
    tumor: str
    scales: tuple[str, ...]
    model: str
    source: str
    notice: str


def score_panel(screening: Screening, volume_name: str) -> ScorePanel:
    """The strings of a screening of the volume `volume_name`. What an outcome does not know is an empty string."""
    verdict = verdict_line(screening)
    return ScorePanel(
        verdict=verdict,
        reason="" if screening.reason in verdict else screening.reason,
        demo=_demo(screening.model),
        warnings=tuple(f"Warning: {warning}" for warning in screening.warnings),
        score=_score(screening),
        tumor=_tumor(screening),
        scales=tuple(_scales(screening)),
        model=_model(screening.model),
        source=_source(screening, volume_name),
        notice=screening.notice,
    )


def finding_rows(screening: Screening) -> list[tuple[str, ...]]:
    """One row a region, in the columns FINDING_COLUMNS."""
    return [_finding_row(finding) for finding in screening.findings]


def _demo(model: ModelFacts | None) -> str:
    if model is None or not (model.is_demo or model.notice):
        return ""
    notice = model.notice or "demo model"
    return f"{notice[0].upper()}{notice[1:]}."


def _score(screening: Screening) -> str:
    """The score beside the rule that decides; the score itself has no threshold."""
    if screening.score is None:
        return ""
    return (
        f"Score {screening.score:.3f} on a scale from 0 to 1. It ranks scans; it is not a probability of cancer, "
        "and it does not decide."
    )


def _tumor(screening: Screening) -> str:
    voxels = screening.tumor_voxels
    if voxels is None:
        return ""
    parts = [f"Tumor: {_amount(voxels, screening.tumor_volume_mm3)}"]
    if screening.native_tumor_volume_mm3:
        parts.append(f"{_plain(milliliters(screening.native_tumor_volume_mm3))} on the scan's own grid")
    if screening.mean_tumor_probability is not None:
        parts.append(f"mean tumor probability {screening.mean_tumor_probability:.3f}")
    if screening.protocol is not None:
        rule = _amount(screening.protocol.decision.min_tumor_voxels, screening.protocol.min_tumor_volume_mm3)
        parts.append(f"called suspicious from {rule}")
    return "; ".join(parts) + "."


def _scales(screening: Screening) -> Iterable[str]:
    protocol = screening.protocol
    if protocol is None or not screening.scales:
        return
    yield "Each network alone:"
    yield from (_scale(scale, protocol) for scale in screening.scales)


def _scale(scale: ScaleEvidence, protocol: Protocol) -> str:
    says = "suspicious" if scale.tumor_voxels >= protocol.decision.min_tumor_voxels else "not suspicious"
    volume_mm3 = scale.tumor_voxels * protocol.voxel_mm3
    return f"{scale.patch_size}^3: {_amount(scale.tumor_voxels, volume_mm3)}, {says}"


def _amount(voxels: int, volume_mm3: float | None) -> str:
    """1234 voxels (12.3 mL, 12340 mm3)."""
    noun = "voxel" if voxels == 1 else "voxels"
    if volume_mm3 is None:
        return f"{voxels} {noun}"
    return f"{voxels} {noun} ({_plain(milliliters(volume_mm3))}, {volume_mm3:.0f} mm3)"


def _model(model: ModelFacts | None) -> str:
    if model is None:
        return ""
    trained_on = f"trained on {model.trained_on.rstrip('.')}; " if model.trained_on else ""
    return f"Model {model.name}: {trained_on}measured performance: {model.performance.rstrip('.') or 'unknown'}."


def _source(screening: Screening, volume_name: str) -> str:
    provenance = screening.provenance
    if provenance is None or not provenance.started_utc:
        return f"Volume {volume_name}."
    moment = provenance.started_utc.replace("T", " ")[:16]
    protocol = "" if screening.protocol is None else f", {screening.protocol.name} protocol"
    return f"Volume {volume_name}, screened {moment} UTC with {provenance.software} on {provenance.device}{protocol}."


def _finding_row(finding: Finding) -> tuple[str, ...]:
    return (
        str(finding.number),
        f"{finding.longest_diameter_mm:.1f}",
        f"{finding.shown_volume_mm3 / 1000:.2f}",
        _location(finding.centroid_lps_mm),
        "" if finding.mean_tumor_probability is None else f"{finding.mean_tumor_probability:.3f}",
        f"{finding.mean_hu:.0f}",
    )


def _location(lps_mm: XYZ) -> str:
    """Directions of the patient instead of signs: L 35, P 12, S 88."""
    letters = (("R", "L"), ("A", "P"), ("I", "S"))
    return ", ".join(f"{pair[mm > 0]} {abs(mm):.0f}" for pair, mm in zip(letters, lps_mm, strict=True))


def _plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")
