"""Where the answer comes from: model, scan, the numbers of the method, software and times."""

from __future__ import annotations

from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.quantity_words import rule_words
from PDACScreeningLib.report.ensemble_words import ensemble_words
from PDACScreeningLib.report.markup import Content, Markup, definitions, element, fragment, section
from PDACScreeningLib.report.quantity import count, milliliters, seconds
from PDACScreeningLib.screening_result import InputFacts, ModelFacts, Provenance, Screening
from PDACScreeningLib.volume.geometry import XYZ

_PROTOCOLS = {"exact": "every window of the paper", "fast": "the same networks on fewer windows"}


def provenance_section(screening: Screening) -> Markup:
    """One block for each thing that is known."""
    blocks = [
        _block("Model", _model(screening.model)),
        _block("Scan", _input(screening.input)),
        _block("Patient and study (included on request)", _identifiers(screening.input)),
        _block("Method", _protocol(screening.protocol)),
        _block("Software", _provenance(screening.provenance)),
        _block("Time", [(name, seconds(value)) for name, value in screening.timings_s.items()]),
    ]
    known = [block for block in blocks if block]
    return section("Where this answer comes from", element("div", *known, class_="blocks")) if known else fragment()


def _block(title: str, entries: list[tuple[str, Content]]) -> Markup:
    return element("div", element("h3", title), definitions(entries)) if entries else fragment()


def _model(model: ModelFacts | None) -> list[tuple[str, Content]]:
    if model is None:
        return []
    return [
        ("Name", model.name),
        ("Notice", model.notice),
        ("Trained on", model.trained_on),
        ("Measured performance", model.performance or "unknown"),
        ("Chosen because", model.chosen_because),
        ("Weights (SHA-256)", _digest(model.weights_sha256)),
    ]


def _input(facts: InputFacts | None) -> list[tuple[str, Content]]:
    if facts is None:
        return []
    z, y, x = facts.shape_zyx
    low, high = facts.hu_range
    return [
        ("Kind", facts.kind),
        ("Voxels (x, y, z)", f"{x} x {y} x {z}"),
        ("Spacing (x, y, z)", f"{_triple(facts.spacing_mm_xyz)} mm"),
        ("Origin (L, P, S)", f"{_triple(facts.origin_lps_mm)} mm"),
        ("Direction (rows)", ", ".join(f"{value:.4g}" for value in facts.direction)),
        ("Density range", f"{low} to {high} HU"),
        ("Voxels (SHA-256)", _digest(facts.voxels_sha256)),
    ]


def _identifiers(facts: InputFacts | None) -> list[tuple[str, Content]]:
    return list(facts.identifiers.items()) if facts else []


def _protocol(protocol: Protocol | None) -> list[tuple[str, Content]]:
    if protocol is None:
        return []
    return [
        ("Protocol", f"{protocol.name}, {_PROTOCOLS[protocol.name]}" if protocol.name in _PROTOCOLS else protocol.name),
        ("Working grid (x, y, z)", f"{_triple(protocol.working_spacing_mm_xyz)} mm"),
        *_networks(protocol),
        ("Components kept", f"larger than {protocol.components.min_fraction:g} of the largest"),
        (
            "Suspicious from (K)",
            f"{protocol.decision.min_tumor_voxels} voxels, {milliliters(protocol.min_tumor_volume_mm3)}"
            if protocol.decision.min_score is None
            else rule_words(protocol.decision),
        ),
        (
            "Combination of the networks",
            protocol.combination
            if protocol.min_tumor_probability == 0
            else f"{protocol.combination}, tumor above a probability of {protocol.min_tumor_probability:g}",
        ),
        ("Weight of the voxel count in the score", f"{protocol.score.count_weight:g}"),
        ("Scans of the training", "" if protocol.training_range is None else protocol.training_range.words),
    ]


def _networks(protocol: Protocol) -> list[tuple[str, Content]]:
    """How the networks looked: those of the paper, or an imported ensemble."""
    if protocol.ensemble is not None:
        return [("Networks", ensemble_words(protocol))]
    return [
        ("Windows", _windows(protocol)),
        ("Margin of the searched region", count(protocol.roi_margin_voxels, "voxel")),
    ]


def _windows(protocol: Protocol) -> str:
    return "; ".join(
        f"{window.size}³ voxels every {window.stride}"
        + (f", {window.margin} next to another window do not count" if window.margin else "")
        for window in protocol.windows
    )


def _provenance(provenance: Provenance | None) -> list[tuple[str, Content]]:
    if provenance is None:
        return []
    return [
        ("Software", provenance.software),
        ("Started (UTC)", provenance.started_utc),
        ("Device", provenance.device),
        ("Precision", provenance.precision),
        ("Memory did not suffice", "; ".join(provenance.memory_steps)),
        ("Configuration (SHA-256)", _digest(provenance.config_sha256)),
        *provenance.versions.items(),
    ]


def _triple(values: XYZ) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def _digest(value: str) -> Markup | str:
    return element("code", value) if value else ""
