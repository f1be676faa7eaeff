"""Average precision of the tumors found, with its interval by bootstrap over patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap, percentile_interval
from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import Estimate
from PDACScreeningLib.evaluation.lesion_detection import lesion_metrics


def average_precision(cases: Sequence[CaseResult], bootstrap: PatientBootstrap) -> Estimate:
    """Over all tumors and regions found, as picai_eval counts; None without a tumor."""
    with_tumor = sum(case.has_tumor for case in cases)
    if not with_tumor:
        return Estimate(None, None, None, 0, len(cases))
    metrics = lesion_metrics([case.candidates for case in cases])
    samples = [
        float(metrics.calc_AP(np.repeat(np.arange(len(cases)), drawn).tolist()))
        for drawn in bootstrap.multiplicities(cases)
    ]
    interval = percentile_interval(np.array(samples))
    return Estimate(float(metrics.AP), interval.low, interval.high, with_tumor, len(cases) - with_tumor)
