"""Table 1 of the paper: segmentation and classification by each scale and by all together, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from PDACScreeningLib.evaluation.case_result import CaseResult


@dataclass(frozen=True)
class Proportion:
    """k of n, with the 95 % Wilson interval; value and interval are None when n is 0."""

    count: int
    total: int
    value: float | None
    low: float | None
    high: float | None

    @staticmethod
    def of(count: int, total: int) -> Proportion:
        """k of n. Raises ValueError when k exceeds n."""
        if total == 0:
            return Proportion(count, total, None, None, None)
        interval = stats.binomtest(count, total).proportion_ci(method="wilson")
        return Proportion(count, total, count / total, float(interval.low), float(interval.high))

    @property
    def text(self) -> str:
        """For people: "19/20 = 95.0 % (76.4-99.1)", a dash when there is nothing to count."""
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{self.count}/{self.total} = {100 * self.value:.1f} % ({100 * self.low:.1f}-{100 * self.high:.1f})"


@dataclass(frozen=True)
class MeanDice:
    """Mean and standard deviation (n - 1) of a coefficient over scans; None without scans."""

    mean: float | None
    sd: float | None
    count: int

    @staticmethod
    def of(values: Sequence[float]) -> MeanDice:
        """Mean and SD; the SD of a single value is 0."""
        if not values:
            return MeanDice(None, None, 0)
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return MeanDice(float(np.mean(values)), sd, len(values))

    @property
    def text(self) -> str:
        """For people: "86.9 ± 8.6 %", a dash without scans."""
        return "-" if self.mean is None or self.sd is None else f"{100 * self.mean:.1f} ± {100 * self.sd:.1f} %"


@dataclass(frozen=True)
class TableRow:
    """One row of Table 1, by both of the paper's rules for sensitivity."""

    name: str
    normal_pancreas: MeanDice
    abnormal_pancreas: MeanDice
    tumor: MeanDice
    misses: int  # tumor DSC is 0
    sensitivity_by_misses: Proportion  # 1 - miss rate, as in the table
    sensitivity: Proportion  # at least K tumor voxels
    specificity: Proportion  # fewer than K tumor voxels
    auc: float | None  # of the score, ties counted half; None without scans of both kinds


def table1(cases: Sequence[CaseResult], min_tumor_voxels: int) -> tuple[TableRow, ...]:
    """The rows over all scans, in the order of the first scan's rows. No scans give no rows."""
    if not cases:
        return ()
    return tuple(_row(name, cases, min_tumor_voxels) for name in cases[0].rows)


def to_markdown(rows: Sequence[TableRow]) -> str:
    """The table in the paper's layout, for people."""
    lines = [
        "| Scale | N. Pancreas | A. Pancreas | Tumor | Misses | Sens. (1 - miss rate) | Sens. (K) | Spec. (K) | AUC |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            row.name,
            row.normal_pancreas.text,
            row.abnormal_pancreas.text,
            row.tumor.text,
            f"{row.misses}/{row.tumor.count}",
            row.sensitivity_by_misses.text,
            row.sensitivity.text,
            row.specificity.text,
            "-" if row.auc is None else f"{row.auc:.3f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _row(name: str, cases: Sequence[CaseResult], min_tumor_voxels: int) -> TableRow:
    normal = [case.rows[name] for case in cases if not case.has_tumor]
    abnormal = [case.rows[name] for case in cases if case.has_tumor]
    misses = sum(row.tumor_dice == 0 for row in abnormal)
    return TableRow(
        name=name,
        normal_pancreas=MeanDice.of([row.pancreas_dice for row in normal if row.pancreas_dice is not None]),
        abnormal_pancreas=MeanDice.of([row.pancreas_dice for row in abnormal if row.pancreas_dice is not None]),
        tumor=MeanDice.of([row.tumor_dice for row in abnormal if row.tumor_dice is not None]),
        misses=misses,
        sensitivity_by_misses=Proportion.of(len(abnormal) - misses, len(abnormal)),
        sensitivity=Proportion.of(sum(row.tumor_voxels >= min_tumor_voxels for row in abnormal), len(abnormal)),
        specificity=Proportion.of(sum(row.tumor_voxels < min_tumor_voxels for row in normal), len(normal)),
        auc=_auc([row.score for row in abnormal], [row.score for row in normal]),
    )


def _auc(abnormal: Sequence[float], normal: Sequence[float]) -> float | None:
    """Probability that a scan with a tumor scores higher than one without (Mann-Whitney U / n m)."""
    if not abnormal or not normal:
        return None
    u_statistic = stats.mannwhitneyu(abnormal, normal).statistic
    return float(u_statistic) / (len(abnormal) * len(normal))
