"""From a segmentation to a yes or no: c in Eq. 1 of the paper."""

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.screening_result import Outcome


def classify(tumor_voxels: int, rule: DecisionRule) -> Outcome:
    """SUSPICIOUS when at least K voxels are tumor (section 2.3: "if at least K voxels are predicted as tumor").

    tumor_voxels: of the working grid, after the component filter. The paper's word is PDAC; ours is "suspicious",
    because only histology names a tumor.
    """
    return Outcome.SUSPICIOUS if tumor_voxels >= rule.min_tumor_voxels else Outcome.NOT_SUSPICIOUS


def explain(tumor_voxels: int, rule: DecisionRule, voxel_volume_mm3: float) -> str:
    """One sentence that says what the decision rests on, in voxels of the working grid and in mm3."""
    threshold = f"{_amount(rule.min_tumor_voxels, voxel_volume_mm3)} or more are called suspicious"
    if tumor_voxels == 0:
        return f"No voxel was segmented as tumor; {threshold}."
    return f"{_amount(tumor_voxels, voxel_volume_mm3)} segmented as tumor; {threshold}."


def _amount(voxels: int, voxel_volume_mm3: float) -> str:
    volume_mm3 = voxels * voxel_volume_mm3
    digits = 0 if volume_mm3 >= 10 else 1
    return f"{voxels} voxel{'' if voxels == 1 else 's'} ({volume_mm3:.{digits}f} mm3)"
