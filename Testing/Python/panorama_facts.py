"""The two steps of the PANORAMA baseline as its `plans.json` and `dataset.json` describe them; the weights are random.

Facts of DIAGNijmegen/PANORAMA_baseline, commit a950447. The first step has plans of before 2024, the second of 2024.
"""

from pathlib import Path

from nnunet_folders import architecture, configuration, write_folder

RECIPE = "panorama-baseline"
LABELS = {
    "background": 0,
    "tumor": 1,
    "veins": 2,
    "arteries": 3,
    "pancreas": 4,
    "pancreatic duct": 5,
    "common bile duct": 6,
}
_COARSE_INTENSITIES = {"mean": 42.803375, "std": 93.941116, "percentile_00_5": -152.0, "percentile_99_5": 253.0}
_FINE_INTENSITIES = {"mean": 109.6, "std": 77.4, "percentile_00_5": -55.0, "percentile_99_5": 430.0}
_FINE_STRIDES = [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2], [1, 2, 2]]
_COARSE = {
    "UNet_class_name": "PlainConvUNet",
    "UNet_base_num_features": 32,
    "unet_max_num_features": 320,
    "n_conv_per_stage_encoder": [2] * 5,
    "n_conv_per_stage_decoder": [2] * 4,
    "num_pool_per_axis": [3, 4, 4],
    "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2]],
    "conv_kernel_sizes": [[1, 3, 3], *([3, 3, 3] for _ in range(4))],
}


def write_panorama(folder: Path, *, folds=("0",), features=(32, 64, 128, 256, 320, 320), coarse_features=32) -> Path:
    """Both trained folders below `folder`, named as in the record that the authors published."""
    fine = architecture(features=features)
    fine["arch_kwargs"]["strides"] = _FINE_STRIDES
    write_folder(
        folder / "Dataset103_PANORAMA_baseline_Pancreas_Segmentation" / "nnUNetTrainer__nnUNetPlans__3d_fullres",
        configuration(
            _COARSE | {"UNet_base_num_features": coarse_features}, patch=(48, 96, 96), spacing=(9.0, 4.5, 4.5)
        ),
        labels={"background": 0, "pancreas": 1},
        folds=folds,
        trainer="nnUNetTrainer",
        plan={
            "dataset_name": "Dataset103_PANORAMA_baseline_Pancreas_Segmentation",
            "foreground_intensity_properties_per_channel": {"0": _COARSE_INTENSITIES},
        },
    )
    write_folder(
        folder
        / "Dataset104_PANORAMA_baseline_PDAC_Detection"
        / "nnUNetTrainer_Loss_CE_checkpoints__nnUNetPlans__3d_fullres",
        configuration(fine, patch=(48, 128, 288), spacing=(1.5, 0.746999979019165, 0.746999979019165)),
        labels=LABELS,
        folds=folds,
        seed=100,
        trainer="nnUNetTrainer_Loss_CE_checkpoints",
        checkpoint="checkpoint_best_panorama.pth",
        plan={
            "dataset_name": "Dataset104_PANORAMA_baseline_PDAC_Detection",
            "foreground_intensity_properties_per_channel": {"0": _FINE_INTENSITIES},
        },
    )
    return folder
