"""Amounts in plain words, each phrase once: for reasons, warnings, the terminal and the panel."""

from __future__ import annotations

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.screening_result import Finding

NOT_LOOKED_AT = "not looked at"


def finding_name(finding: Finding) -> str:
    """Finding 2, or Finding 2 (left out by the component rule)."""
    return f"Finding {finding.number}{' (left out by the component rule)' if finding.left_out else ''}"


def voxels_and_volume(voxels: int, volume_mm3: float | None) -> str:
    """376 voxels (5875 mm3); volumes below 10 mm3 with one decimal, none where the volume is unknown."""
    counted = f"{voxels} voxel{'' if voxels == 1 else 's'}"
    if volume_mm3 is None:
        return counted
    return f"{counted} ({volume_mm3:.{0 if volume_mm3 >= 10 else 1}f} mm3)"


def rule_words(rule: DecisionRule, voxel_mm3: float | None = None) -> str:
    """From what on a scan is called: "50 voxels (781 mm3)", or "a score of 0.120"."""
    if rule.min_score is not None:
        return f"a score of {rule.min_score:.3f}"
    needed = rule.min_tumor_voxels
    return voxels_and_volume(needed, None if voxel_mm3 is None else needed * voxel_mm3)


def patient_directions(lps_mm: tuple[float, float, float], *, decimals: int) -> tuple[str, str, str]:
    """A place in the patient by its directions, in mm: ("L 35", "P 12", "S 88"). No convention can confuse them."""
    x, y, z = lps_mm
    return (
        f"{'RL'[x > 0]} {abs(x):.{decimals}f}",
        f"{'AP'[y > 0]} {abs(y):.{decimals}f}",
        f"{'IS'[z > 0]} {abs(z):.{decimals}f}",
    )
