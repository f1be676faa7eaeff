"""What the report says of an experiment: figures beside the paper's, each with what it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from PDACScreeningLib.evaluation import published
from PDACScreeningLib.evaluation.case_result import COMBINED, CaseResult
from PDACScreeningLib.evaluation.document import Block, Paragraph, Picture, Section, Table
from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.evaluation.gallery import LEGEND, is_called
from PDACScreeningLib.evaluation.plots import PLOTS
from PDACScreeningLib.evaluation.rule_sections import k_text
from PDACScreeningLib.evaluation.table1 import COLUMNS

_TOLD_K = (1, 10, 50, 100, 200, 500, 1000, 1500)
_TOLD_ALARMS = (0.125, 0.25, 0.5, 1.0)


def table1_section(found: Experiment) -> Section:
    """The paper's Table 1, ours and theirs."""
    rows: list[tuple[str, ...]] = [row.cells for row in found.table1]
    rows += [row.cells for row in published.TABLE1]
    empty = found.counts.coarse_empty
    return Section(
        "Table 1",
        (
            Paragraph(
                f"K = {k_text(found, found.setting.min_tumor_voxels)}. DSC as mean ± SD over scans; a miss is a tumor "
                "with DSC 0; overlapping is a call with a DSC of 0.1 or more. "
                f"The coarse scan found nothing in {empty} of {found.counts.readings}: such a scan has no "
                f"result in use, and counts here as one in which nothing was segmented.{_unconfirmed(found)}"
            ),
            Table("Segmentation and classification, 95 % intervals in parentheses", COLUMNS, tuple(rows)),
            Paragraph(f"Rows marked (paper): {published.CITATION}. Other data and other training; not a comparison."),
        ),
    )


def _unconfirmed(found: Experiment) -> str:
    """Scans that are not assessable although the coarse scan found something. Every truth has a pancreas voxel, so
    there is no surface agreement exactly where nothing was segmented.
    """
    count = sum(case.coarse_found and case.rows[COMBINED].pancreas.nsd is None for case in found.cases)
    if count == 0:
        return ""
    return f" In {count} more the networks together confirmed nothing of what it found: no result, and counted so too."


def surface_section(found: Experiment) -> Section:
    """NSD and HD95, which the paper does not give."""
    tolerance = found.setting.reading.surface_tolerance_mm
    rows = [
        (
            row.name,
            f"{row.pancreas_nsd.text} (n = {row.pancreas_nsd.count})",
            f"{row.tumor_nsd.text} (n = {row.tumor_nsd.count})",
            f"{row.tumor_hd95_mm.text_in('mm')} (n = {row.tumor_hd95_mm.count})",
        )
        for row in found.table1
    ]
    columns = ("Scale", f"Pancreas NSD at {tolerance:g} mm", f"Tumor NSD at {tolerance:g} mm", "Tumor HD95")
    note = "Only of scans in which the structure was segmented and exists: a miss has no distance (surface-distance)."
    return Section("Surfaces", (Paragraph(note), Table("Mean ± SD over scans", columns, tuple(rows))))


def size_section(found: Experiment) -> Section:
    """Sensitivity by the size of the tumor."""
    sizes = tuple(dict.fromkeys(stratum.size for stratum in found.size_strata))
    rows = [
        (name, *(stratum.sensitivity.text for stratum in found.size_strata if stratum.name == name))
        for name in dict.fromkeys(stratum.name for stratum in found.size_strata)
    ]
    overlapping = [
        (name, *(stratum.overlapping.text for stratum in found.size_strata if stratum.name == name))
        for name in dict.fromkeys(stratum.name for stratum in found.size_strata)
    ]
    table = Table("Sensitivity (K) by the longest true diameter", ("Scale", *sizes), tuple(rows))
    also = Table("The same, called and overlapping (DSC of 0.1 or more)", ("Scale", *sizes), tuple(overlapping))
    return Section("By size", (table, also, _plot("tumors", "Tumor DSC over the true size, all networks together.")))


def roc_section(found: Experiment) -> Section:
    """The ROC curve, the areas under it, and what thresholds give."""
    areas = [
        (
            "all readings" if curve.fold is None else f"fold {curve.fold}",
            curve.auc.text,
            str(curve.auc.with_tumor),
            str(curve.auc.without_tumor),
        )
        for curve in found.roc
    ]
    points = [
        (
            f"{point.wanted} of {point.at_least:g} or more",
            "-" if point.threshold is None else f"{point.threshold:.3f}",
            point.sensitivity.text,
            point.specificity.text,
        )
        for point in found.operating_points
    ]
    return Section(
        "ROC curve of the score",
        (
            _plot("roc", "Sensitivity over 1 - specificity. The paper's points are of patients and other data."),
            Table("Area under the curve", ("Readings", "AUC", "with a tumor", "without"), tuple(areas)),
            Table(
                "Thresholds of the score (a scan is called from it on)",
                ("Wanted", "Threshold", "Sensitivity", "Specificity"),
                tuple(points),
            ),
            Paragraph(
                "The thresholds were chosen on the very readings they are measured on, so these figures are "
                "optimistic. The paper tells 98.5 % sensitivity at 95.6 % specificity, and 99.5 % specificity at "
                "94.1 % sensitivity."
            ),
            _plot("cases", "Every reading by its score; below K voxels it is the evidence in the gland (ADR 0006)."),
        ),
    )


def k_section(found: Experiment) -> Section:
    """The sweep over K."""
    rows = [
        (k_text(found, point.min_tumor_voxels), point.sensitivity.text, point.specificity.text)
        for point in found.k_sweep
        if point.min_tumor_voxels in (*_TOLD_K, found.setting.min_tumor_voxels)
    ]
    return Section(
        "How much hangs on K",
        (
            Paragraph('The paper: "Even setting K = 1500 does not change our results and observations too much."'),
            Table("A scan is called from K tumor voxels on", ("K", "Sensitivity", "Specificity"), tuple(rows)),
            _plot("k_sweep", "Sensitivity and specificity over K, with 95 % Wilson bands."),
        ),
    )


def ablation_section(found: Experiment) -> Section:
    """What each part of the method is good for."""
    blocks: list[Block] = [
        Paragraph(
            "Each scale alone stands in Table 1. Here: all networks together without the component filter, from the "
            "same probabilities; and, where it was asked for (--ablation whole-volume), the small networks run over "
            'the whole volume instead of the ROI, which the paper avoids: "it can easily hallucinate tumors".'
        )
    ]
    rows = [found.combined, *found.ablations]
    blocks.append(Table("The same readings", COLUMNS, tuple(row.cells for row in rows)))
    return Section("Ablations", tuple(blocks))


def detection_section(found: Experiment) -> Section:
    """Tumors one by one."""
    rows = [(f"{alarms:g} or fewer", _sensitivity_at(found, alarms)) for alarms in _TOLD_ALARMS]
    overlap = found.setting.reading.min_overlap
    note = (
        f"A region is the tumor when they overlap (intersection over union) by {overlap:g} or more; its confidence is "
        f"the paper's score of that region alone (picai_eval). {found.detection.tumors} tumors in "
        f"{found.detection.scans} scans; the truth of one in pieces counts as several. Average precision "
        f"{found.average_precision.text}."
    )
    table = Table("Share of tumors found", ("False alarms a scan", "Sensitivity"), tuple(rows))
    return Section("Tumors one by one", (Paragraph(note), table, _plot("froc", "Free-response ROC curve.")))


def calibration_section(found: Experiment) -> Section:
    """How often a score comes with a tumor."""
    rows = [
        (
            f"{one.low:.1f} to {one.high:.1f}",
            "-" if one.mean_score is None else f"{one.mean_score:.3f}",
            one.with_tumor.text,
        )
        for one in found.calibration
    ]
    note = (
        "The score ranks scans. It is not the probability of cancer, and the share of scans with a tumor at a score is "
        "that of this cohort, where tumors are far more frequent than in people."
    )
    table = Table("Scans with a tumor by score", ("Score", "Mean", "With a tumor"), tuple(rows))
    return Section("The score beside the truth", (Paragraph(note), table, _plot("calibration", "Share with a tumor.")))


def predictive_section(found: Experiment) -> Section:
    """What a call would be worth at other prevalences."""
    rows = [
        (f"{one.prevalence:g}", "-" if one.ppv is None else one.ppv.text, "-" if one.npv is None else one.npv.text)
        for one in found.predictive_values
    ]
    note = (
        "Bayes' theorem with sensitivity and specificity of the rule (K); the range takes both at the low or both at "
        "the high end of their intervals. It holds only if sensitivity and specificity would be the same there."
    )
    table = Table("Of a call, and of none, to be right", ("Prevalence", "PPV", "NPV"), tuple(rows))
    return Section("Predictive values", (Paragraph(note), table))


def errors_section(found: Experiment, gallery: Sequence[Picture]) -> Section:
    """Every scan on the wrong side of the rule, with pictures."""
    rule = found.setting.decision
    misses = [case for case in found.cases if case.has_tumor and not is_called(case, rule)]
    alarms = [case for case in found.cases if not case.has_tumor and is_called(case, rule)]
    pictures: tuple[Block, ...] = (Paragraph(f"Axial slices. {LEGEND}"), *gallery) if gallery else ()
    columns = ("Case", "Fold", "True diameter", "Tumor voxels found", "Tumor DSC", "Score")
    return Section(
        "Misses and false alarms",
        (
            Table(f"Tumors not called ({len(misses)})", columns, tuple(_error_row(case) for case in misses)),
            Table(f"Scans without a tumor called ({len(alarms)})", columns, tuple(_error_row(case) for case in alarms)),
            *pictures,
        ),
    )


def _error_row(case: CaseResult) -> tuple[str, ...]:
    row = case.rows[COMBINED]
    return (
        case.case_id,
        "-" if case.fold is None else str(case.fold),
        "-" if case.true_tumor_diameter_mm is None else f"{case.true_tumor_diameter_mm:.0f} mm",
        str(row.tumor_voxels),
        "-" if row.tumor.dice is None else f"{row.tumor.dice:.2f}",
        f"{row.score:.3f}",
    )


def _sensitivity_at(found: Experiment, alarms: float) -> str:
    """Without a region, or where the first of them are too many false alarms, no tumor is found: 0."""
    if found.detection.tumors == 0:
        return "-"
    within = (point.sensitivity for point in found.detection.froc if point.false_alarms_per_scan <= alarms)
    return f"{max(within, default=0.0):.3f}"


def _plot(name: str, caption: str) -> Picture:
    return Picture(f"{PLOTS}/{name}.svg", caption, f"Plot: {caption} The numbers stand in experiment.json.")
