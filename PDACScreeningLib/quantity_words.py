"""Amounts in plain words, each phrase once: for reasons, warnings, the terminal and the panel."""

from __future__ import annotations

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.screening_result import Finding

_LEAST_SHOWN_MM3 = 5.0  # less would be rounded to nothing
NOT_LOOKED_AT = "not looked at"


def finding_name(finding: Finding) -> str:
    """Finding 2, or Finding 2 (left out by the component rule)."""
    return f"Finding {finding.number}{' (left out by the component rule)' if finding.left_out else ''}"


def volume_and_voxels(volume_mm3: float | None, voxels: int) -> str:
    """5.88 mL (376 voxels); the voxels alone where the volume is unknown."""
    counted = f"{voxels} voxel{'' if voxels == 1 else 's'}"
    return counted if volume_mm3 is None else f"{volume_words(volume_mm3)} ({counted})"


def volume_words(volume_mm3: float) -> str:
    """25.7 mL; small volumes with two decimals. Only a volume of nothing is told as 0.00 mL."""
    if 0 < volume_mm3 < _LEAST_SHOWN_MM3:
        return "< 0.01 mL"
    value_ml = volume_mm3 / 1000
    return f"{value_ml:.{1 if value_ml >= 10 else 2}f} mL"


def rule_words(rule: DecisionRule, voxel_mm3: float | None = None) -> str:
    """From what on a scan is called: "0.78 mL (50 voxels)", or "a score of 0.120"."""
    if rule.min_score is not None:
        return f"a score of {rule.min_score:.3f}"
    needed = rule.min_tumor_voxels
    return volume_and_voxels(None if voxel_mm3 is None else needed * voxel_mm3, needed)


def patient_directions(lps_mm: tuple[float, float, float], *, decimals: int) -> tuple[str, str, str]:
    """A place in the patient by its directions, in mm: ("L 35", "P 12", "S 88"). No convention can confuse them."""
    x, y, z = lps_mm
    return (
        f"{'RL'[x > 0]} {abs(x):.{decimals}f}",
        f"{'AP'[y > 0]} {abs(y):.{decimals}f}",
        f"{'IS'[z > 0]} {abs(z):.{decimals}f}",
    )
