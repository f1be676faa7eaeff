"""How often a score comes with a tumor, in this cohort. The score ranks scans; it is not the probability of cancer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import Proportion


@dataclass(frozen=True)
class CalibrationBin:
    """Scans whose score lies in low <= s < high (the last bin: <= high). mean_score is None without scans."""

    low: float
    high: float
    mean_score: float | None
    with_tumor: Proportion


def calibration(cases: Sequence[CaseResult], name: str, bins: int) -> tuple[CalibrationBin, ...]:
    """Equally wide bins over [0, 1] of the score of one row of Table 1."""
    scores = [(case.rows[name].score, case.has_tumor) for case in cases]
    found = []
    for number in range(bins):
        inside = [pair for pair in scores if min(int(pair[0] * bins), bins - 1) == number]
        mean = sum(score for score, _ in inside) / len(inside) if inside else None
        tumors = sum(has_tumor for _, has_tumor in inside)
        found.append(CalibrationBin(number / bins, (number + 1) / bins, mean, Proportion.of(tumors, len(inside))))
    return tuple(found)
