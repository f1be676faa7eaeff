"""Two results of one patient side by side: which regions are the same, and how they have changed. Plain values only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from PDACScreeningLib.report.outcome_banner import size
from PDACScreeningLib.screening_result import Finding, Screening
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.part import VolumePart

SAME_PLACE_MM = 30.0  # ours: in the frame of the gland, which bends with breath and posture (ADR 0028)


@dataclass(frozen=True)
class FindingChange:
    """One region in both results; None where one has no such region."""

    before: Finding | None
    after: Finding | None

    @property
    def volume_change_mm3(self) -> float | None:
        """Growth; None unless the region is in both."""
        if self.before is None or self.after is None:
            return None
        return self.after.shown_volume_mm3 - self.before.shown_volume_mm3

    @property
    def diameter_change_mm(self) -> float | None:
        """Growth of the longest diameter; None unless the region is in both."""
        if self.before is None or self.after is None:
            return None
        return self.after.longest_diameter_mm - self.before.longest_diameter_mm


def compare_findings(
    before: Screening,
    after: Screening,
    *,
    shift_lps_mm: XYZ = (0.0, 0.0, 0.0),
    same_place_mm: float = SAME_PLACE_MM,
) -> tuple[FindingChange, ...]:
    """Pair the regions of two results, the later one's first and in its order, then those that are gone.

    Regions are paired so that the sum of the distances between their centroids is least; a pair further apart than
    `same_place_mm` is none. shift_lps_mm: added to the earlier places, since a scanner's zero is another one each
    time: the way from the earlier pancreas to the later. No findings in both give no changes.
    """
    if not before.findings or not after.findings:
        pairs = {}
    else:
        earlier = np.array([finding.centroid_lps_mm for finding in before.findings]) + np.array(shift_lps_mm)
        later = np.array([finding.centroid_lps_mm for finding in after.findings])
        apart_mm = np.linalg.norm(later[:, None] - earlier[None], axis=2)
        # a pair too far apart costs more than any two that are near, so that it never pushes those aside
        cost = np.where(apart_mm <= same_place_mm, apart_mm, 1e6)
        rows, columns = linear_sum_assignment(cost)
        pairs = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if cost[row, column] < 1e6}
    kept = [
        FindingChange(before.findings[pairs[row]] if row in pairs else None, finding)
        for row, finding in enumerate(after.findings)
    ]
    gone = [FindingChange(finding, None) for row, finding in enumerate(before.findings) if row not in pairs.values()]
    return (*kept, *gone)


def gland_middle_lps_mm(labels: VolumePart[np.uint8] | None) -> XYZ | None:
    """Middle of the box around pancreas and tumor; None when nothing is labeled."""
    if labels is None or not labels.values.any():
        return None
    middle = (np.array(labels.box.start) + np.array(labels.box.stop) - 1) / 2
    x, y, z = (float(mm) for mm in labels.geometry.index_to_world(middle))
    return (x, y, z)


def change_sentence(change: FindingChange) -> str:
    """24 mm (3.20 mL) -> 31 mm (5.10 mL): +7 mm, +1.90 mL."""
    if change.before is None and change.after is not None:
        return f"new: {size(change.after)}"
    if change.after is None and change.before is not None:
        return f"no longer marked: was {size(change.before)}"
    if change.before is None or change.after is None:
        raise ValueError("a change needs a region before or after")
    growth_mm = change.after.longest_diameter_mm - change.before.longest_diameter_mm
    growth_ml = (change.after.shown_volume_mm3 - change.before.shown_volume_mm3) / 1000
    return f"{size(change.before)} -> {size(change.after)}: {growth_mm:+.0f} mm, {growth_ml:+.2f} mL"
