"""Figures of the cases that share a trait the data set tells of: for phantoms contrast and confounders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import Mean, Proportion


@dataclass(frozen=True)
class TraitStratum:
    """What one row of Table 1 says of the cases with one trait."""

    name: str  # "64^3", ..., "Multi"
    trait: str
    sensitivity: Proportion  # at least K tumor voxels
    overlapping: Proportion  # of these, with a tumor DSC of at least 0.1
    specificity: Proportion
    tumor: Mean


def trait_strata(cases: Sequence[CaseResult], names: Sequence[str], min_tumor_voxels: int) -> tuple[TraitStratum, ...]:
    """All traits, by name, of the rows of these names; () where no case has any."""
    traits = sorted({trait for case in cases for trait in case.traits})
    return tuple(_stratum(name, trait, cases, min_tumor_voxels) for name in names for trait in traits)


def _stratum(name: str, trait: str, cases: Sequence[CaseResult], min_tumor_voxels: int) -> TraitStratum:
    having = [case for case in cases if trait in case.traits]
    with_tumor = [case.rows[name] for case in having if case.has_tumor]
    without = [case.rows[name] for case in having if not case.has_tumor]
    called = [row for row in with_tumor if row.tumor_voxels >= min_tumor_voxels]
    return TraitStratum(
        name=name,
        trait=trait,
        sensitivity=Proportion.of(len(called), len(with_tumor)),
        overlapping=Proportion.of(sum(row.overlaps for row in called), len(with_tumor)),
        specificity=Proportion.of(sum(row.tumor_voxels < min_tumor_voxels for row in without), len(without)),
        tumor=Mean.of(row.tumor.dice for row in with_tumor),
    )
