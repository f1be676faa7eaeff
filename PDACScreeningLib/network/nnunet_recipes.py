"""Published pipelines around nnU-Net whose numbers are known: nobody has to type them (docs/public_models.md)."""

from __future__ import annotations

from dataclasses import dataclass

from PDACScreeningLib.network.nnunet_labels import LabelWish
from PDACScreeningLib.volume.geometry import XYZ


@dataclass(frozen=True)
class Recipe:
    """A pipeline of two steps as its authors run it. dataset, coarse_dataset: how their folders begin."""

    dataset: str
    coarse_dataset: str
    labels: LabelWish
    checkpoint: str
    coarse_checkpoint: str
    coarse_spacing_mm_xyz: XYZ
    margin_mm_xyz: XYZ


RECIPES = {
    # DIAGNijmegen/PANORAMA_baseline, src/process.py and src/data_utils.py
    "panorama-baseline": Recipe(
        dataset="Dataset104_",
        coarse_dataset="Dataset103_",
        labels=LabelWish(
            tumor=("tumor",),
            pancreas=("pancreas", "pancreatic duct"),
            anatomy=(
                ("veins", ("veins",)),
                ("arteries", ("arteries",)),
                ("duct", ("pancreatic duct",)),
                ("bile_duct", ("common bile duct",)),
            ),
            may_miss=True,
        ),
        checkpoint="checkpoint_best_panorama.pth",
        coarse_checkpoint="checkpoint_final.pth",
        coarse_spacing_mm_xyz=(4.5, 4.5, 9.0),
        margin_mm_xyz=(100.0, 50.0, 15.0),
    )
}
