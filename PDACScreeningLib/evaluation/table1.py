"""Table 1 of the paper: segmentation and classification by each scale and by all together, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap
from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import Estimate, Mean, Proportion
from PDACScreeningLib.evaluation.roc import area

COLUMNS = (
    "Scale",
    "N. Pancreas",
    "A. Pancreas",
    "Tumor",
    "Misses",
    "Sens. (1 - miss rate)",
    "Sens. (K)",
    "Sens. (K, overlapping)",
    "Spec. (K)",
    "AUC",
)


@dataclass(frozen=True)
class TableRow:
    """One row of Table 1, by both of the paper's rules for sensitivity, and what was added since."""

    name: str
    normal_pancreas: Mean
    abnormal_pancreas: Mean
    tumor: Mean
    misses: int  # tumor DSC is 0
    sensitivity_by_misses: Proportion  # 1 - miss rate, as in the table
    sensitivity: Proportion  # at least K tumor voxels, wherever they lie
    sensitivity_overlapping: Proportion  # of these, with a tumor DSC of at least 0.1
    specificity: Proportion  # fewer than K tumor voxels
    auc: Estimate  # of the score, ties counted half
    pancreas_nsd: Mean
    tumor_nsd: Mean  # of tumors that were segmented at all
    tumor_hd95_mm: Mean

    @property
    def cells(self) -> tuple[str, ...]:
        """For people, in the order of COLUMNS."""
        return (
            self.name,
            self.normal_pancreas.text,
            self.abnormal_pancreas.text,
            self.tumor.text,
            f"{self.misses}/{self.tumor.count}",
            self.sensitivity_by_misses.text,
            self.sensitivity.text,
            self.sensitivity_overlapping.text,
            self.specificity.text,
            self.auc.text,
        )


def table1(
    cases: Sequence[CaseResult], names: Sequence[str], min_tumor_voxels: int, bootstrap: PatientBootstrap
) -> tuple[TableRow, ...]:
    """The rows of these names over all readings. No readings give no rows."""
    if not cases:
        return ()
    return tuple(_row(name, cases, min_tumor_voxels, bootstrap) for name in names)


def _row(name: str, cases: Sequence[CaseResult], min_tumor_voxels: int, bootstrap: PatientBootstrap) -> TableRow:
    normal = [case.rows[name] for case in cases if not case.has_tumor]
    abnormal = [case.rows[name] for case in cases if case.has_tumor]
    misses = sum(row.tumor.dice == 0 for row in abnormal)
    called = [row for row in abnormal if row.tumor_voxels >= min_tumor_voxels]
    return TableRow(
        name=name,
        normal_pancreas=Mean.of(row.pancreas.dice for row in normal),
        abnormal_pancreas=Mean.of(row.pancreas.dice for row in abnormal),
        tumor=Mean.of(row.tumor.dice for row in abnormal),
        misses=misses,
        sensitivity_by_misses=Proportion.of(len(abnormal) - misses, len(abnormal)),
        sensitivity=Proportion.of(len(called), len(abnormal)),
        sensitivity_overlapping=Proportion.of(sum(row.overlaps for row in called), len(abnormal)),
        specificity=Proportion.of(sum(row.tumor_voxels < min_tumor_voxels for row in normal), len(normal)),
        auc=area(cases, name, bootstrap),
        pancreas_nsd=Mean.of(row.pancreas.nsd for row in [*normal, *abnormal]),
        tumor_nsd=Mean.of(row.tumor.nsd for row in abnormal),
        tumor_hd95_mm=Mean.of(row.tumor.hd95_mm for row in abnormal),
    )
