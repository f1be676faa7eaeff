"""What the rule of the model gives, and the same answers counted as the PanTS benchmark counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.case_result import COMBINED, CaseResult
from PDACScreeningLib.evaluation.estimates import Estimate, Mean, Proportion


@dataclass(frozen=True)
class RuleFigures:
    """All networks together under one rule."""

    rule: DecisionRule
    sensitivity: Proportion
    overlapping: Proportion  # called, with a tumor DSC of at least 0.1
    specificity: Proportion


@dataclass(frozen=True)
class BenchmarkRow:
    """P-Sen, T-Sen, Spe, AUC, DSC as PanTS names them; it has published no script, so the definitions are its words.

    tumor_sensitivity: tumors, one by one, that a region overlaps (intersection over union of `min_overlap` or more).
    """

    patient_sensitivity: Proportion
    tumor_sensitivity: Proportion
    specificity: Proportion
    auc: Estimate
    tumor: Mean


def rule_figures(cases: Sequence[CaseResult], rule: DecisionRule) -> RuleFigures:
    """Sensitivity and specificity of "Multi" under a rule."""
    rows = [(case.has_tumor, case.rows[COMBINED]) for case in cases]
    with_tumor = [row for has_tumor, row in rows if has_tumor]
    without = [row for has_tumor, row in rows if not has_tumor]
    called = [row for row in with_tumor if rule.calls(row.tumor_voxels, row.score)]
    alarms = sum(rule.calls(row.tumor_voxels, row.score) for row in without)
    return RuleFigures(
        rule=rule,
        sensitivity=Proportion.of(len(called), len(with_tumor)),
        overlapping=Proportion.of(sum(row.overlaps for row in called), len(with_tumor)),
        specificity=Proportion.of(len(without) - alarms, len(without)),
    )


def benchmark_row(cases: Sequence[CaseResult], figures: RuleFigures, auc: Estimate) -> BenchmarkRow:
    """The figures of "Multi" under the names of PanTS."""
    tumors = [one for case in cases for one in case.candidates if one.is_tumor]
    return BenchmarkRow(
        patient_sensitivity=figures.sensitivity,
        tumor_sensitivity=Proportion.of(sum(one.confidence > 0 for one in tumors), len(tumors)),
        specificity=figures.specificity,
        auc=auc,
        tumor=Mean.of(case.rows[COMBINED].tumor.dice for case in cases if case.has_tumor),
    )
