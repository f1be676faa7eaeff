"""The plots of an experiment as SVG and PNG files, by matplotlib. Each can be read without color."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PDACScreeningLib import atomic_file
from PDACScreeningLib.evaluation import published
from PDACScreeningLib.evaluation.case_result import COMBINED
from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.evaluation.optional_packages import load

BLUE, ORANGE, GRAY = "#0072b2", "#d55e00", "#6b7280"
PLOTS = "plots"
_INCHES = (6.4, 4.4)


def write_plots(found: Experiment, output: Path) -> tuple[str, ...]:
    """Write `plots/<name>.svg` and `.png` and return the names. Raises WriteError."""
    drawn: list[str] = []
    for name, draw in _PLOTS.items():
        figure = load("matplotlib.figure").Figure(figsize=_INCHES, layout="constrained")
        draw(found, figure.subplots())
        for suffix in ("svg", "png"):
            atomic_file.write_bytes(output / PLOTS / f"{name}.{suffix}", _rendered(figure, suffix))
        drawn.append(name)
    return tuple(drawn)


def _rendered(figure: Any, suffix: str) -> bytes:
    buffer = io.BytesIO()
    with load("matplotlib").rc_context({"svg.hashsalt": "pdac-screening"}):  # equal plots are equal files
        figure.savefig(buffer, format=suffix, dpi=150, metadata={"Date": None} if suffix == "svg" else {})
    return buffer.getvalue()


def _roc(found: Experiment, axes: Any) -> None:
    """Sensitivity over 1 - specificity: all folds together, each fold thin, the rule, and the paper's points."""
    for curve in found.roc[1:]:
        _steps(axes, curve.points, color=GRAY, linewidth=0.8, alpha=0.7, label="each fold" if curve.fold == 0 else None)
    pooled = found.roc[0]
    _steps(axes, pooled.points, color=BLUE, linewidth=2, label=f"all readings, AUC {pooled.auc.text}")
    row = found.combined
    if row.sensitivity.value is not None and row.specificity.value is not None:
        axes.errorbar(
            1 - row.specificity.value,
            row.sensitivity.value,
            xerr=_around(row.specificity.value, row.specificity.low, row.specificity.high, mirrored=True),
            yerr=_around(row.sensitivity.value, row.sensitivity.low, row.sensitivity.high),
            fmt="o",
            color=ORANGE,
            capsize=3,
            label=f"rule: K = {found.setting.min_tumor_voxels} voxels",
        )
    points = [published.RULE_POINT, *published.ROC_POINTS]
    axes.plot(
        [1 - specificity for _, specificity in points],
        [sensitivity for sensitivity, _ in points],
        "x",
        color="black",
        label="paper's points (patients, other data)",
    )
    axes.plot([0, 1], [0, 1], ":", color=GRAY, linewidth=1)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower right", fontsize=8)


def _cases(found: Experiment, axes: Any) -> None:
    """The score of every reading, sorted: what the ROC curve sorts."""
    ranked = sorted(found.cases, key=lambda case: case.rows[COMBINED].score)
    for has_tumor, marker, color, label in ((False, "o", BLUE, "no tumor"), (True, "^", ORANGE, "tumor")):
        places = [place for place, case in enumerate(ranked) if case.has_tumor == has_tumor]
        scores = [ranked[place].rows[COMBINED].score for place in places]
        axes.plot(places, scores, marker, color=color, markersize=5, label=f"{label} ({len(places)})", alpha=0.8)
    axes.set(xlabel="readings, sorted by score", ylabel="score (ranks scans, no probability)", ylim=(-0.03, 1.03))
    axes.legend(loc="upper left", fontsize=8)


def _tumors(found: Experiment, axes: Any) -> None:
    """Tumor DSC of every tumor over its true size; missed ones stand at 0."""
    tumors = [case for case in found.cases if case.true_tumor_diameter_mm is not None]
    k = found.setting.min_tumor_voxels
    for called, marker, color in ((True, "^", ORANGE), (False, "v", GRAY)):
        chosen = [case for case in tumors if (case.rows[COMBINED].tumor_voxels >= k) == called]
        axes.plot(
            [case.true_tumor_diameter_mm for case in chosen],
            [case.rows[COMBINED].tumor.dice for case in chosen],
            marker,
            color=color,
            label=f"{'called' if called else 'not called'} ({len(chosen)})",
            alpha=0.8,
        )
    for size_mm in (20, 40):
        axes.axvline(size_mm, linestyle=":", color=GRAY, linewidth=1)
    axes.set(xlabel="longest true diameter, mm", ylabel="tumor DSC", ylim=(-0.03, 1.03), xlim=(0, None))
    axes.legend(loc="upper left", fontsize=8)


def _k_sweep(found: Experiment, axes: Any) -> None:
    """Sensitivity and specificity over K, with Wilson bands."""
    ks = [point.min_tumor_voxels for point in found.k_sweep]
    for name, style, color in (("sensitivity", "-", ORANGE), ("specificity", "--", BLUE)):
        values = [getattr(point, name) for point in found.k_sweep]
        if any(value.value is None for value in values):
            continue
        axes.step(ks, [value.value for value in values], style, where="post", color=color, label=name)
        axes.fill_between(
            ks, [v.low for v in values], [v.high for v in values], step="post", color=color, alpha=0.15, linewidth=0
        )
    axes.axvline(found.setting.min_tumor_voxels, linestyle=":", color="black", linewidth=1)
    axes.text(found.setting.min_tumor_voxels, 0.02, f" K = {found.setting.min_tumor_voxels}", fontsize=8)
    axes.set(xscale="log", xlabel="K, voxels of the working grid", ylim=(-0.02, 1.02), xlim=(1, max(ks)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(loc="lower left", fontsize=8)


def _calibration(found: Experiment, axes: Any) -> None:
    """Share of scans with a tumor by score. The diagonal is what a probability would do; the score is none."""
    bins = [one for one in found.calibration if one.mean_score is not None and one.with_tumor.value is not None]
    for one in bins:
        share = one.with_tumor
        axes.errorbar(
            one.mean_score,
            share.value,
            yerr=_around(share.value, share.low, share.high),
            fmt="o",
            color=BLUE,
            capsize=3,
        )
        axes.annotate(
            f"n = {share.total}", (one.mean_score, share.value), (6, 6), textcoords="offset points", fontsize=8
        )
    axes.plot([0, 1], [0, 1], ":", color=GRAY, linewidth=1)
    axes.set(
        xlabel="mean score in the bin",
        ylabel="share with a tumor, in this cohort",
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.1),
    )


def _froc(found: Experiment, axes: Any) -> None:
    """Tumors found over false alarms a scan."""
    points = found.detection.froc
    alarms = [0.0, *(point.false_alarms_per_scan for point in points)]
    hits = [0.0, *(point.sensitivity for point in points)]
    axes.step(alarms, hits, where="post", color=BLUE, linewidth=2, label=f"AP {found.average_precision.text}")
    axes.set(xlabel="false alarms a scan", ylabel="share of tumors found", ylim=(-0.02, 1.02), xlim=(0, None))
    axes.legend(loc="lower right", fontsize=8)


def _steps(axes: Any, points: Sequence[Any], **style: Any) -> None:
    axes.plot([1 - point.specificity for point in points], [point.sensitivity for point in points], **style)


def _around(value: Any, low: Any, high: Any, *, mirrored: bool = False) -> list[list[float]]:
    """Lengths of an error bar below and above; mirrored: of 1 - value."""
    below, above = [max(0.0, value - low)], [max(0.0, high - value)]
    return [above, below] if mirrored else [below, above]


_PLOTS: dict[str, Callable[[Experiment, Any], None]] = {
    "roc": _roc,
    "cases": _cases,
    "tumors": _tumors,
    "k_sweep": _k_sweep,
    "froc": _froc,
    "calibration": _calibration,
}
