"""The paper's own figures (Table 1, sections 3.2 and 3.3), to stand beside ours. Other data: not a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from PDACScreeningLib.evaluation.estimates import Proportion

CITATION = (
    "Zhu, Xia, Xie, Fishman, Yuille, MICCAI 2019: 136 PDAC scans in 4-fold cross-validation, 200 normal test scans"
)


@dataclass(frozen=True)
class PublishedRow:
    """A row of the paper's Table 1: DSC in percent as printed, misses of 136 PDAC scans, correct of 200 normal ones.

    The paper prints percentages; the counts follow from them. The intervals, Wilson at 95 %, are ours.
    """

    name: str
    normal_pancreas: str
    abnormal_pancreas: str
    tumor: str
    misses: int
    specificity_count: int

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of table1.COLUMNS; the paper gives neither sensitivity by K, nor overlap, nor an area."""
        sensitivity, specificity = Proportion.of(136 - self.misses, 136), Proportion.of(self.specificity_count, 200)
        return (
            f"{self.name} (paper)",
            self.normal_pancreas,
            self.abnormal_pancreas,
            self.tumor,
            f"{self.misses}/136",
            sensitivity.text,
            "-",
            "-",
            specificity.text,
            "-",
        )


TABLE1 = (
    PublishedRow("64^3", "86.90 ± 8.57 %", "80.98 ± 10.75 %", "57.25 ± 28.05 %", 10, 198),
    PublishedRow("32^3", "82.01 ± 12.21 %", "75.66 ± 19.92 %", "53.84 ± 26.08 %", 7, 192),
    PublishedRow("16^3", "61.53 ± 20.64 %", "64.14 ± 20.16 %", "42.53 ± 26.63 %", 4, 173),
    PublishedRow("Multi", "84.52 ± 11.11 %", "78.60 ± 18.34 %", "56.46 ± 26.23 %", 8, 197),
)

# (sensitivity, specificity) in section 3.3: "a sensitivity of 98.5% at a specificity of 95.6%, or a specificity of
# 99.5% at a sensitivity of 94.1%", and of the rule K = 50 "a sensitivity of 94.1% (128/136) at a specificity of 98.5%".
ROC_POINTS = ((0.985, 0.956), (0.941, 0.995))
RULE_POINT = (0.941, 0.985)
