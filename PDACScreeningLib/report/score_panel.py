"""What the panel says of a screening: plain strings, below the banner. No Qt, no number that is not in `Screening`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.report.outcome_banner import slice_of
from PDACScreeningLib.report.quantity import in_milliliters, milliliters
from PDACScreeningLib.report.structure_words import structure_lines
from PDACScreeningLib.screening_result import Finding, InputFacts, ModelFacts, ScaleEvidence, Screening

FINDING_COLUMNS = ("No.", "mm", "mL", "Slice", "Image", "Prob.", "HU", "")


@dataclass(frozen=True)
class ScorePanel:
    """What stands under the banner; an empty string has nothing to say. From `rule` on they are details."""

    demo: str  # the notice of a model that must not be taken for more than it is
    warnings: tuple[str, ...]
    rule: str
    score: str
    scales: tuple[str, ...]
    anatomy: tuple[str, ...]
    model: str
    source: str
    notice: str

    @property
    def details(self) -> str:
        """Everything that is not needed at first sight, a paragraph each."""
        parts = (self.rule, self.score, *self.scales, *self.anatomy, self.model, self.source)
        return "\n".join(part for part in parts if part)


def score_panel(screening: Screening, volume_name: str) -> ScorePanel:
    """The strings of a screening of the volume `volume_name`. What an outcome does not know is an empty string."""
    return ScorePanel(
        demo=_demo(screening.model),
        warnings=tuple(f"Warning: {in_milliliters(warning)}" for warning in screening.warnings),
        rule=_rule(screening),
        score=_score(screening),
        scales=tuple(_scales(screening)),
        anatomy=tuple(structure_lines(screening)),
        model=_model(screening.model),
        source=_source(screening, volume_name),
        notice=screening.notice,
    )


def finding_rows(screening: Screening) -> list[tuple[str, ...]]:
    """One row a region, in the columns FINDING_COLUMNS; the last says when a region is left out of the verdict."""
    return [
        (*_finding_row(finding, screening.input), _why_left_out(finding, screening)) for finding in screening.findings
    ]


def _why_left_out(finding: Finding, screening: Screening) -> str:
    if finding.left_out:
        return "left out by the component rule"
    return "too small for the rule" if screening.outcome is Outcome.NOT_SUSPICIOUS else ""


def what_if(screening: Screening, min_tumor_voxels: int) -> str:
    """What the rule would say of the same count with another K; the answer itself stays. Empty without a count."""
    if screening.tumor_voxels is None or screening.protocol is None:
        return ""
    says = "suspicious" if screening.tumor_voxels >= min_tumor_voxels else "not suspicious"
    return f"{min_tumor_voxels} voxels ({_ml(min_tumor_voxels * screening.protocol.voxel_mm3)}): {says}"


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


def _rule(screening: Screening) -> str:
    """What decided: the tumor beside the least amount that is called suspicious, both as volumes."""
    if screening.tumor_volume_mm3 is None:
        return ""
    tumor = f"Tumor: {_ml(screening.tumor_volume_mm3)}"
    if screening.native_tumor_volume_mm3:
        tumor += f" ({_ml(screening.native_tumor_volume_mm3)} on the scan's own grid)"
    if screening.mean_tumor_probability is not None:
        tumor += f", mean tumor probability {screening.mean_tumor_probability:.3f}"
    if screening.protocol is None:
        return f"{tumor}."
    return f"{tumor}. Rule: {_ml(screening.protocol.min_tumor_volume_mm3)} or more are called suspicious."


def _scales(screening: Screening) -> Iterable[str]:
    protocol = screening.protocol
    if protocol is None or not screening.scales:
        return
    yield "Each network alone:"
    yield from (_scale(scale, protocol) for scale in screening.scales)


def _scale(scale: ScaleEvidence, protocol: Protocol) -> str:
    says = "suspicious" if scale.tumor_voxels >= protocol.decision.min_tumor_voxels else "not suspicious"
    return f"{scale.title}: {_ml(scale.tumor_voxels * protocol.voxel_mm3)}, {says}"


def _ml(volume_mm3: float) -> str:
    """12.3 mL."""
    return milliliters(volume_mm3).replace("\N{NO-BREAK SPACE}", " ")


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


def _finding_row(finding: Finding, facts: InputFacts | None) -> tuple[str, ...]:
    probability = finding.mean_tumor_probability
    return (
        str(finding.number),
        f"{finding.longest_diameter_mm:.0f}",
        f"{finding.shown_volume_mm3 / 1000:.2f}",
        slice_of(finding, facts).removeprefix("slice "),
        "" if finding.image_number is None else str(finding.image_number),
        "" if probability is None else f"{probability:.2f}",
        f"{finding.mean_hu:.0f}",
    )
