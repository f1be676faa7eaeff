"""Resampling of patients: readings of one patient are not independent, so they are drawn together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.estimates import LEVEL
from PDACScreeningLib.seeding import stream


@dataclass(frozen=True)
class Interval:
    """Percentiles of a bootstrap."""

    low: float
    high: float


@dataclass(frozen=True)
class PatientBootstrap:
    """How often, and from which seed. Equal readings in equal order give equal draws on every machine."""

    samples: int = 2000
    seed: int = 0

    def multiplicities(self, cases: Sequence[CaseResult]) -> NDArray[np.int64]:
        """(samples, readings): how often each reading stands in each sample.

        Patients with and without a tumor are drawn apart, so that every sample has both as the cohort has. A patient
        with readings of both kinds counts as one with a tumor.
        """
        patients = sorted({case.patient_id for case in cases})
        with_tumor = {case.patient_id for case in cases if case.has_tumor}
        drawn = np.zeros((self.samples, len(patients)), np.int64)
        for name, kind in (("with", True), ("without", False)):
            stratum = np.array([i for i, patient in enumerate(patients) if (patient in with_tumor) == kind], np.intp)
            if stratum.size:
                picks = stream(self.seed, f"bootstrap/{name}").integers(stratum.size, size=(self.samples, stratum.size))
                for sample, picked in enumerate(picks):
                    np.add.at(drawn[sample], stratum[picked], 1)
        place = {patient: i for i, patient in enumerate(patients)}
        multiplicities: NDArray[np.int64] = drawn[:, [place[case.patient_id] for case in cases]]
        return multiplicities


def percentile_interval(values: NDArray[np.float64]) -> Interval:
    """The middle 95 % of the samples' values, at least one."""
    low, high = np.percentile(values, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(float(low), float(high))
