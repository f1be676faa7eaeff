"""How an imported nnU-Net ran, in one sentence: which folds, which views, and what its rule is on this scan."""

from __future__ import annotations

import math

from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.quantity_words import volume_and_voxels


def ensemble_words(protocol: Protocol) -> str:
    """nnU-Net, folds 0 and 2, mirrored views, two steps; K = 50 voxels of its grid ... Empty for other networks."""
    ensemble = protocol.ensemble
    if ensemble is None:
        return ""
    folds = " and ".join(ensemble.folds) if len(ensemble.folds) < 3 else ", ".join(ensemble.folds)
    views = "mirrored views too" if ensemble.mirrored else "no mirrored views"
    steps = "two steps" if ensemble.steps == 2 else "one step"
    spacing = " x ".join(f"{mm:.4g}" for mm in ensemble.spacing_mm_xyz)
    needed = ensemble.min_tumor_voxels
    k = volume_and_voxels(needed * math.prod(ensemble.spacing_mm_xyz), needed)
    here = protocol.decision.min_tumor_voxels
    return (
        f"nnU-Net, {'fold' if len(ensemble.folds) == 1 else 'folds'} {folds}, {views}, {steps}; K = {k} of its grid of "
        f"{spacing} mm, which is {here} voxel{'' if here == 1 else 's'} of this scan"
    )
