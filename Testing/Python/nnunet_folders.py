"""nnU-Net v2 folders as a person downloads them, made here: tiny, with random weights, and without nnU-Net."""

import json
from pathlib import Path

import numpy as np
import torch

from PDACScreeningLib.network.dynamic_unet import DynamicUNet
from PDACScreeningLib.network.nnunet_labels import LabelWish
from PDACScreeningLib.network.nnunet_plans import read_plans

PLAIN_LABELS = {"background": 0, "tumor": 1, "veins": 2, "pancreas": 3, "pancreatic duct": 4}
REGION_LABELS = {"background": 0, "pancreas": [1, 2, 3], "head": [2], "lesion": [3]}
WISH = LabelWish(tumor=("tumor",), pancreas=("pancreas", "pancreatic duct"))
REGION_WISH = LabelWish(tumor=("lesion",), pancreas=("pancreas",))
INTENSITIES = {"mean": 80.0, "std": 90.0, "percentile_00_5": -100.0, "percentile_99_5": 300.0, "min": -1000.0}
CHECKPOINT = "checkpoint_final.pth"
_UNET = "dynamic_network_architectures.architectures.unet"


def architecture(kind="PlainConvUNet", *, features=(4, 8, 8), anisotropic=True):
    """As `plans.json` has it since nnU-Net 2.3."""
    first = [1, 3, 3] if anisotropic else [3, 3, 3]
    blocks = "n_conv_per_stage" if kind == "PlainConvUNet" else "n_blocks_per_stage"
    return {
        "network_class_name": f"{_UNET}.{kind}",
        "arch_kwargs": {
            "n_stages": len(features),
            "features_per_stage": list(features),
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [first, *([3, 3, 3] for _ in features[1:])],
            "strides": [[1, 1, 1], [1, 2, 2], *([2, 2, 2] for _ in features[2:])],
            blocks: [2 if kind == "PlainConvUNet" else 1 + place for place, _ in enumerate(features)],
            "n_conv_per_stage_decoder": [1 if kind != "PlainConvUNet" else 2] * (len(features) - 1),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def older_architecture(features=4):
    """As plans of 2023 have it: numbers only."""
    return {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": features,
        "unet_max_num_features": 2 * features,
        "n_conv_per_stage_encoder": [2, 2, 2],
        "n_conv_per_stage_decoder": [2, 2],
        "num_pool_per_axis": [1, 2, 2],
        "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
        "conv_kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    }


def configuration(network, *, patch=(8, 16, 24), spacing=(3.0, 2.0, 2.0), **changed):
    options = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    content = {
        "patch_size": list(patch),
        "spacing": list(spacing),
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "preprocessor_name": "DefaultPreprocessor",
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {**options, "order": 3},
        "resampling_fn_seg_kwargs": {**options, "is_seg": True, "order": 1},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {**options, "order": 1},
    }
    content |= {"architecture": network} if "network_class_name" in network else network
    return {**content, **changed}


def plans(config, **changed):
    return {
        "dataset_name": "Dataset999_Test",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": config},
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": INTENSITIES},
        **changed,
    }


def dataset(labels=PLAIN_LABELS, **changed):
    content = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 7, "file_ending": ".nii.gz"}
    if any(isinstance(value, list) for value in labels.values()):
        content["regions_class_order"] = [1, 2, 3]
    return {**content, **changed}


def write_folder(folder: Path, config=None, *, labels=PLAIN_LABELS, folds=("0",), seed=0, **options) -> Path:
    """A trained folder. options: plan (changes of plans.json), trainer, checkpoint, mirror_axes, state (for a fold)."""
    config = config or configuration(architecture())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans(config, **options.get("plan", {}))))
    (folder / "dataset.json").write_text(json.dumps(dataset(labels)))
    for number, fold in enumerate(folds):
        state = options.get("state") or random_state(folder, seed + number)
        place = folder / f"fold_{fold}"
        place.mkdir(exist_ok=True)
        torch.save(checkpoint_content(state, **options), place / options.get("checkpoint", CHECKPOINT))
    return folder


def checkpoint_content(weights, *, trainer="nnUNetTrainer_of_somebody", mirror_axes=(0, 1, 2), **_):
    """What nnU-Net saves, its learning curve in numpy numbers included."""
    return {
        "network_weights": weights,
        "optimizer_state": {"state": {}, "param_groups": []},
        "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [np.float64(0.5)], "ema_fg_dice": [np.float64(0.25)]},
        "_best_ema": np.float64(0.25),
        "current_epoch": 1000,
        "init_args": {"configuration": "3d_fullres", "fold": 0},
        "trainer_name": trainer,
        "inference_allowed_mirroring_axes": mirror_axes,
    }


def random_state(folder: Path, seed: int) -> dict[str, torch.Tensor]:
    """Random weights under nnU-Net's names, every tensor as often as nnU-Net saves it."""
    labels = json.loads((folder / "dataset.json").read_text())["labels"]
    tumor = next(name for name in reversed(labels) if name in ("tumor", "lesion", "pancreas"))
    planned = read_plans(folder, "3d_fullres", LabelWish((tumor,)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DynamicUNet(planned.unet)
        for name, parameter in network.named_parameters():
            if name.endswith("norm.weight"):
                torch.nn.init.uniform_(parameter, 0.5, 1.5)
            elif name.endswith("norm.bias"):
                torch.nn.init.normal_(parameter, 0, 0.3)
        torch.nn.init.normal_(network.decoder.head.weight, 0, 1.0)
    return with_nnunets_names(network.state_dict(), len(planned.unet.features))


def with_nnunets_names(state, stages) -> dict[str, torch.Tensor]:
    """nnU-Net keeps the outputs of every stage, and saves convolutions also as members of lists, the encoder twice."""
    found = {}
    last = f"decoder.seg_layers.{stages - 2}."
    for name, tensor in state.items():
        found[name.replace("decoder.head.", last)] = tensor
    for name, tensor in list(found.items()):
        for part, place in ((".conv.", ".all_modules.0."), (".norm.", ".all_modules.1.")):
            if part in name:
                found[name.replace(part, place)] = tensor
    for stage in range(stages - 2):
        below = found[f"decoder.transpconvs.{stage}.weight"].shape[1]
        outputs = found[f"{last}weight"].shape[0]
        found[f"decoder.seg_layers.{stage}.weight"] = torch.zeros(outputs, below, 1, 1, 1)
        found[f"decoder.seg_layers.{stage}.bias"] = torch.zeros(outputs)
    encoder = {f"decoder.{name}": tensor for name, tensor in found.items() if name.startswith("encoder.")}
    return {**found, **encoder}
