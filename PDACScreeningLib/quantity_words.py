"""Amounts in plain words, each phrase once: for reasons, warnings, the terminal and the panel."""

from __future__ import annotations


def voxels_and_volume(voxels: int, volume_mm3: float | None) -> str:
    """376 voxels (5875 mm3); volumes below 10 mm3 with one decimal, none where the volume is unknown."""
    counted = f"{voxels} voxel{'' if voxels == 1 else 's'}"
    if volume_mm3 is None:
        return counted
    return f"{counted} ({volume_mm3:.{0 if volume_mm3 >= 10 else 1}f} mm3)"
