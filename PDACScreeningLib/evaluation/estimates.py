"""Numbers that never go alone: each with how many it rests on and its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


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
        interval = stats.binomtest(count, total).proportion_ci(LEVEL, method="wilson")
        return Proportion(count, total, count / total, float(interval.low), float(interval.high))

    @property
    def text(self) -> str:
        """For people: "19/20 = 95.0 % (76.4-99.1)", a dash when there is nothing to count."""
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{self.count}/{self.total} = {100 * self.value:.1f} % ({100 * self.low:.1f}-{100 * self.high:.1f})"


@dataclass(frozen=True)
class Mean:
    """Mean and standard deviation (n - 1) over scans, with the 95 % t interval of the mean; None without scans."""

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    count: int

    @staticmethod
    def of(values: Iterable[float | None]) -> Mean:
        """Mean and SD of what is there, None left out; a single value has SD 0 and no interval."""
        present = [value for value in values if value is not None]
        if not present:
            return Mean(None, None, None, None, 0)
        mean, count = float(np.mean(present)), len(present)
        if count == 1:
            return Mean(mean, 0.0, None, None, 1)
        sd = float(np.std(present, ddof=1))
        half = float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * sd / math.sqrt(count)
        return Mean(mean, sd, mean - half, mean + half, count)

    @property
    def text(self) -> str:
        """A coefficient for people: "86.9 ± 8.6 %", a dash without scans."""
        return "-" if self.mean is None or self.sd is None else f"{100 * self.mean:.1f} ± {100 * self.sd:.1f} %"

    def text_in(self, unit: str) -> str:
        """A measure for people: "7.5 ± 2.0 mm", a dash without scans."""
        return "-" if self.mean is None or self.sd is None else f"{self.mean:.1f} ± {self.sd:.1f} {unit}"


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % percentile interval by bootstrap over patients; all None when it cannot be computed.

    cases: readings with and without a tumor it rests on.
    """

    value: float | None
    low: float | None
    high: float | None
    with_tumor: int
    without_tumor: int

    @property
    def text(self) -> str:
        """For people: "0.813 (0.702-0.905)", a dash where there is none."""
        if self.value is None:
            return "-"
        interval = "" if self.low is None or self.high is None else f" ({self.low:.3f}-{self.high:.3f})"
        return f"{self.value:.3f}{interval}"
