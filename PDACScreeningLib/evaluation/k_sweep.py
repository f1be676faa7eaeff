"""How much hangs on K (section 2.3): "Even setting K = 1500 does not change our results and observations too much"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import Proportion


@dataclass(frozen=True)
class KPoint:
    """A scan is called from K tumor voxels on."""

    min_tumor_voxels: int
    sensitivity: Proportion
    specificity: Proportion


def k_sweep(cases: Sequence[CaseResult], name: str, max_k: int, *, named: Sequence[int]) -> tuple[KPoint, ...]:
    """The K of 1, `max_k`, those named, and every one between them at which a scan of a row of Table 1 changes sides.

    Between two neighbors everything is as at the first.
    """
    turns = {case.rows[name].tumor_voxels + 1 for case in cases}
    ks = sorted(k for k in {1, max_k, *named, *turns} if 1 <= k <= max_k)
    return tuple(_point(cases, name, k) for k in ks)


def _point(cases: Sequence[CaseResult], name: str, k: int) -> KPoint:
    with_tumor = [case.rows[name].tumor_voxels >= k for case in cases if case.has_tumor]
    without = [case.rows[name].tumor_voxels >= k for case in cases if not case.has_tumor]
    return KPoint(
        k,
        Proportion.of(sum(with_tumor), len(with_tumor)),
        Proportion.of(len(without) - sum(without), len(without)),
    )
