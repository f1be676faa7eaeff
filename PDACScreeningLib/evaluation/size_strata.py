"""Sensitivity by the size of the tumor: small ones are the ones that matter, and the ones that are missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import Mean, Proportion

# Longest true diameter in mm, low <= d < high. The last one overlaps the two before it: "20 mm and more".
STRATA = ((0.0, 20.0), (20.0, 40.0), (40.0, float("inf")), (20.0, float("inf")))


@dataclass(frozen=True)
class SizeStratum:
    """What one row of Table 1 says of the tumors of one size."""

    name: str  # "64^3", ..., "Multi"
    size: str  # "< 20 mm", "20-40 mm", ">= 40 mm", ">= 20 mm"
    sensitivity: Proportion  # at least K tumor voxels
    overlapping: Proportion  # of these, with a tumor DSC of at least 0.1
    tumor: Mean


def size_strata(cases: Sequence[CaseResult], names: Sequence[str], min_tumor_voxels: int) -> tuple[SizeStratum, ...]:
    """All strata of the rows of these names. A stratum without tumors has proportions of 0 of 0; no cases give none."""
    if not cases:
        return ()
    return tuple(_stratum(name, low, high, cases, min_tumor_voxels) for name in names for low, high in STRATA)


def _stratum(name: str, low: float, high: float, cases: Sequence[CaseResult], min_tumor_voxels: int) -> SizeStratum:
    rows = [
        case.rows[name]
        for case in cases
        if case.true_tumor_diameter_mm is not None and low <= case.true_tumor_diameter_mm < high
    ]
    called = [row for row in rows if row.tumor_voxels >= min_tumor_voxels]
    return SizeStratum(
        name=name,
        size=_size_text(low, high),
        sensitivity=Proportion.of(len(called), len(rows)),
        overlapping=Proportion.of(sum(row.overlaps for row in called), len(rows)),
        tumor=Mean.of(row.tumor.dice for row in rows),
    )


def _size_text(low: float, high: float) -> str:
    if low == 0:
        return f"< {high:.0f} mm"
    return f">= {low:.0f} mm" if high == float("inf") else f"{low:.0f}-{high:.0f} mm"
