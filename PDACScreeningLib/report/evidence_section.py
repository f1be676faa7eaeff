"""What the call rests on: the rule of K voxels, the score, and what each network alone would say (section 2.3)."""

from __future__ import annotations

import math

from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.quantity_words import rule_words
from PDACScreeningLib.report.markup import Content, Markup, definitions, element, fragment, section, table
from PDACScreeningLib.report.network_agreement import network_agreement
from PDACScreeningLib.report.quantity import count, grouped, share, volume
from PDACScreeningLib.report.score_rank import score_rank
from PDACScreeningLib.screening_result import ScaleEvidence, Screening

_NETWORK_OUTPUT = ", the networks' output over the tumor voxels: how sure they are of the outline, not of a cancer"
_OF_PAPER = (
    "The largest window sees most context and raises the fewest false alarms; the smallest finds more small regions "
    "and raises more."
)
_OF_ENSEMBLE = "Folds are trainings of one and the same network, each on another part of the same data."
_AXIS_DECADES = 5  # the axis of the rule ends at 10^5 voxels, or later where more were found


def evidence_section(screening: Screening) -> Markup:
    """Rule, score and performance; nothing when the scan was not judged."""
    if screening.tumor_voxels is None or screening.protocol is None:
        return fragment()
    return section(
        "What this answer rests on",
        _rule(screening.tumor_voxels, screening.tumor_volume_mm3, screening.score, screening.protocol),
        rule_axis(screening.tumor_voxels, screening.protocol.decision.min_tumor_voxels),
        definitions(_facts(screening)),
    )


def scales_section(screening: Screening) -> Markup:
    """The evidence of each network alone, and of their mean, which is the answer."""
    protocol, together = screening.protocol, screening.tumor_voxels
    if not screening.scales or protocol is None:
        return fragment()
    rows = [_scale_row(scale, protocol) for scale in screening.scales]
    if together is not None:
        windows = sum(scale.windows for scale in screening.scales)
        evidence = _evidence(together, screening.mean_tumor_probability, protocol)
        rows.append(["All, the answer", *evidence, grouped(windows)])
    columns = ["Network", "Tumor voxels", "Tumor volume", "Mean tumor probability", "By the rule", "Windows"]
    return section(
        "Each network alone",
        element("p", f"{network_agreement(screening)} {_OF_PAPER if protocol.ensemble is None else _OF_ENSEMBLE}"),
        table("Tumor found by each network, after the component filter", columns, rows),
    )


def rule_axis(tumor_voxels: int, min_tumor_voxels: int) -> Markup:
    """Tumor voxels found beside the number the rule asks for, on a logarithmic axis (a picture of the sentence)."""
    end = 10 ** max(_AXIS_DECADES, math.ceil(math.log10(max(tumor_voxels, min_tumor_voxels))))
    ticks = [0, *(10**power for power in range(1, round(math.log10(end)) + 1))]
    marks = [
        *(_mark("tick", voxels, end, grouped(voxels)) for voxels in ticks),
        _mark("found", tumor_voxels, end, f"found: {grouped(tumor_voxels)}"),
        _mark("rule", min_tumor_voxels, end, f"rule: {grouped(min_tumor_voxels)}"),
    ]
    label = f"Tumor voxels: {tumor_voxels} found, {min_tumor_voxels} needed for a suspicious result."
    axis = element("div", *marks, class_="axis", role="img", aria_label=label)
    return element("figure", axis, element("figcaption", "Tumor voxels, logarithmic scale"), class_="rule-axis")


def _mark(kind: str, voxels: int, end: int, text: str) -> Markup:
    """A label at its place on the axis, shifted so that it stays within: 0 at the left edge, `end` at the right."""
    percent = f"{100 * math.log10(1 + voxels) / math.log10(1 + end):.1f}%"
    label = element("span", text, style=f"transform:translateX(-{percent})")
    return element("div", label, class_=kind, style=f"left:{percent}")


def _rule(tumor_voxels: int, tumor_volume_mm3: float | None, score: float | None, protocol: Protocol) -> Markup:
    reached = "is reached" if protocol.decision.calls(tumor_voxels, score) else "is not reached"
    if protocol.decision.min_score is not None and score is not None:
        return element(
            "p",
            "Score: ",
            element("strong", share(score)),
            ". Rule of this model: a scan is called suspicious from ",
            element("strong", rule_words(protocol.decision)),
            f" on; this {reached}. Found: {count(tumor_voxels, 'tumor voxel')}; the paper's rule of K voxels is shown "
            "below and does not decide.",
        )
    return element(
        "p",
        "Found: ",
        element("strong", count(tumor_voxels, "tumor voxel")),
        " = ",
        volume(tumor_volume_mm3),
        ". Rule: a scan is called suspicious from K = ",
        element("strong", count(protocol.decision.min_tumor_voxels, "voxel")),
        " = ",
        volume(protocol.min_tumor_volume_mm3),
        f", a ball of {_ball_mm(protocol.min_tumor_volume_mm3):.0f} mm: no smaller tumor is called. This {reached}. "
        "Voxels are those of the working grid.",
    )


def _ball_mm(volume_mm3: float) -> float:
    """Diameter of a ball of a volume."""
    return float((6 * volume_mm3 / math.pi) ** (1 / 3))


def _facts(screening: Screening) -> list[tuple[str, Content]]:
    score = fragment(
        element("strong", share(screening.score), class_="score"),
        " ".join(part for part in (" on a scale from 0 to 1.", score_rank(screening)) if part),
        " It ranks scans by the number of tumor voxels and their mean tumor probability. "
        "The rule above decides. It is not a probability of cancer.",
    )
    performance = screening.model.performance if screening.model else ""
    removed = screening.removed_tumor_voxels
    mean = screening.mean_tumor_probability
    return [
        ("Score", score),
        *_candidate(screening),
        ("Mean tumor probability", fragment(share(mean), _NETWORK_OUTPUT if mean is not None else "")),
        ("The networks", network_agreement(screening) or "none ran"),
        ("Tumor left out by the component rule", count(removed, "voxel") if removed else "none"),
        ("Tumor on the scan's own grid", volume(screening.native_tumor_volume_mm3)),
        ("Pancreas outside the tumor, on the scan's own grid", volume(screening.native_pancreas_volume_mm3)),
        ("The same on the working grid", volume(screening.pancreas_volume_mm3)),
        ("Measured performance of this model", performance or "unknown"),
    ]


def _candidate(screening: Screening) -> list[tuple[str, Content]]:
    """The case score of imported models, beside ours."""
    if screening.candidate_score is None:
        return []
    words = ", the surest lesion candidate, as the PANORAMA baseline scores a case. It is not a probability of cancer."
    return [("Candidate score", fragment(share(screening.candidate_score), words))]


def _scale_row(scale: ScaleEvidence, protocol: Protocol) -> list[Content]:
    skipped = f" ({grouped(scale.windows_skipped)} without body skipped)" if scale.windows_skipped else ""
    evidence = _evidence(scale.tumor_voxels, scale.mean_tumor_probability, protocol)
    return [scale.name or f"{scale.patch_size}³ voxels", *evidence, fragment(count(scale.windows), skipped)]


def _evidence(tumor_voxels: int, mean_probability: float | None, protocol: Protocol) -> list[Content]:
    says = "suspicious" if tumor_voxels >= protocol.decision.min_tumor_voxels else "not suspicious"
    return [count(tumor_voxels), volume(tumor_voxels * protocol.voxel_mm3), share(mean_probability), says]
