"""`dataset.json` and `plans.json` of an nnU-Net v2 folder, read into values. Nothing they name is ever imported.

nnU-Net imports the classes that `plans.json` names by their text. Here a name is looked up in short lists of what this
project builds itself, and any other name is a reason to refuse the folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.nnunet_labels import LabelWish, head_labels
from PDACScreeningLib.network.nnunet_model import HeadLabels, Normalization, Resampling, UNetSpec
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.volume.box import ZYX

DATASET, PLANS = "dataset.json", "plans.json"

_ARCHITECTURES = "dynamic_network_architectures.architectures"
_NETWORKS: dict[str, Literal["PlainConvUNet", "ResidualEncoderUNet"]] = {
    f"{_ARCHITECTURES}.unet.PlainConvUNet": "PlainConvUNet",
    f"{_ARCHITECTURES}.unet.ResidualEncoderUNet": "ResidualEncoderUNet",
    f"{_ARCHITECTURES}.residual_unet.ResidualEncoderUNet": "ResidualEncoderUNet",
    "PlainConvUNet": "PlainConvUNet",
    "ResidualEncoderUNet": "ResidualEncoderUNet",
}
_CONVOLUTIONS = ("torch.nn.modules.conv.Conv3d", "torch.nn.Conv3d")
_NORMS: dict[str, Literal["instance", "batch"]] = {
    "torch.nn.modules.instancenorm.InstanceNorm3d": "instance",
    "torch.nn.InstanceNorm3d": "instance",
    "torch.nn.modules.batchnorm.BatchNorm3d": "batch",
    "torch.nn.BatchNorm3d": "batch",
}
_ACTIVATIONS = {
    "torch.nn.LeakyReLU": 0.01,
    "torch.nn.modules.activation.LeakyReLU": 0.01,
    "torch.nn.ReLU": 0.0,
    "torch.nn.modules.activation.ReLU": 0.0,
}
_DROPOUTS = ("torch.nn.Dropout3d", "torch.nn.modules.dropout.Dropout3d", "torch.nn.Dropout")  # none when predicting
_READERS = {"SimpleITKIO": False, "NibabelIO": False, "NibabelIOWithReorient": True}
_RESAMPLERS = ("resample_data_or_seg_to_shape",)
_ARGUMENTS = {
    "n_stages",
    "features_per_stage",
    "conv_op",
    "kernel_sizes",
    "strides",
    "n_conv_per_stage",
    "n_blocks_per_stage",
    "n_conv_per_stage_decoder",
    "conv_bias",
    "norm_op",
    "norm_op_kwargs",
    "dropout_op",
    "dropout_op_kwargs",
    "nonlin",
    "nonlin_kwargs",
    "stem_channels",
    "deep_supervision",
}


@dataclass(frozen=True)
class PlannedStep:
    """What both files say of one configuration. The fields are those of `NnunetStep` with the same names."""

    dataset: str
    configuration: str
    unet: UNetSpec
    labels: HeadLabels
    patch_size: ZYX
    spacing_mm: tuple[float, float, float]
    transpose_forward: ZYX
    flip_in_plane: bool
    normalization: Normalization
    image_resampling: Resampling
    probability_resampling: Resampling


def read_plans(folder: Path, configuration: str, wish: LabelWish) -> PlannedStep:
    """The plan of a configuration such as "3d_fullres". Raises ModelError saying what cannot be used, and why."""
    dataset, plans = _object_of(folder / DATASET), _object_of(folder / PLANS)
    try:
        return _planned(dataset, plans, configuration, wish)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        told = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
        raise ModelError(f"{PLANS} or {DATASET} of {folder.name} cannot be used: {told}") from error


def _object_of(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent} is no nnU-Net folder: {path.name} is missing") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} cannot be used: it holds no object")
    return content


def _planned(dataset: dict[str, Any], plans: dict[str, Any], name: str, wish: LabelWish) -> PlannedStep:
    configuration = _inherited(plans["configurations"], name)
    if configuration.get("previous_stage"):
        raise ValueError(f"{name} is the second stage of a cascade, which needs the first one's labels as input")
    patch_size = _triple(configuration["patch_size"], int, "patch_size")
    _require_ct(dataset)
    labels = head_labels(dataset, wish)
    return PlannedStep(
        dataset=_text(plans.get("dataset_name", "")),
        configuration=name,
        unet=_unet(configuration, len(labels.values)),
        labels=labels,
        patch_size=patch_size,
        spacing_mm=_triple(configuration["spacing"], float, "spacing"),
        transpose_forward=_triple(plans.get("transpose_forward", [0, 1, 2]), int, "transpose_forward"),
        flip_in_plane=_known(plans.get("image_reader_writer", "SimpleITKIO"), _READERS, "image_reader_writer"),
        normalization=_normalization(configuration, plans),
        image_resampling=_resampling(configuration, "data", default_order=3),
        probability_resampling=_resampling(configuration, "probabilities", default_order=1),
    )


def _inherited(configurations: dict[str, Any], name: str) -> dict[str, Any]:
    """A configuration with what it inherits. Raises ValueError for one that is not there, or inherits from itself."""
    merged: dict[str, Any] = {}
    seen: list[str] = []
    while True:
        if name not in configurations:
            raise ValueError(f"there is no configuration {name!r}, only {', '.join(map(repr, configurations))}")
        if name in seen:
            raise ValueError(f"configuration {name!r} inherits from itself")
        seen.append(name)
        merged = {**configurations[name], **merged}
        if "inherits_from" not in configurations[name]:
            return merged
        name = configurations[name]["inherits_from"]


def _require_ct(dataset: Mapping[str, Any]) -> None:
    channels = dataset.get("channel_names", dataset.get("modality"))
    if not isinstance(channels, dict) or len(channels) != 1:
        raise ValueError(f"the network must see one image, a CT; {DATASET} names the channels {channels}")
    (name,) = channels.values()
    if not re.search(r"(?i)(?<![a-z])ct(?![a-z])|tomogra", str(name)):
        raise ValueError(f"the network was trained on {name!r} and not on CT")


def _unet(configuration: dict[str, Any], outputs: int) -> UNetSpec:
    architecture = configuration.get("architecture")
    if architecture is None:
        kind, arguments = _older_architecture(configuration)
    else:
        kind = _known(architecture["network_class_name"], _NETWORKS, "network_class_name")
        arguments = architecture["arch_kwargs"]
    unknown = sorted(set(arguments) - _ARGUMENTS)
    if unknown:
        raise ValueError(f"the network has options that are not known here: {', '.join(unknown)}")
    _known(arguments["conv_op"], dict.fromkeys(_CONVOLUTIONS), "conv_op")
    if arguments.get("dropout_op") is not None:
        _known(arguments["dropout_op"], dict.fromkeys(_DROPOUTS), "dropout_op")
    norm, activation = arguments.get("norm_op_kwargs") or {}, arguments.get("nonlin_kwargs") or {}
    slope = _known(arguments["nonlin"], _ACTIVATIONS, "nonlin")
    stages = _whole(arguments["n_stages"])
    blocks = arguments["n_conv_per_stage" if kind == "PlainConvUNet" else "n_blocks_per_stage"]
    return UNetSpec(
        kind=kind,
        features=_each(arguments["features_per_stage"], stages),
        kernels=tuple(_triple(kernel, int, "kernel_sizes") for kernel in arguments["kernel_sizes"]),
        strides=tuple(_triple(stride, int, "strides") for stride in arguments["strides"]),
        encoder_blocks=_each(blocks, stages),
        decoder_blocks=_each(arguments["n_conv_per_stage_decoder"], stages - 1),
        outputs=outputs,
        conv_bias=bool(arguments.get("conv_bias", False)),
        norm=_known(arguments["norm_op"], _NORMS, "norm_op"),
        norm_eps=float(norm.get("eps", 1e-5)),
        norm_affine=bool(norm.get("affine", _NORMS[arguments["norm_op"]] == "batch")),
        negative_slope=float(activation.get("negative_slope", slope)) if slope else 0.0,
        stem_features=None if arguments.get("stem_channels") is None else _whole(arguments["stem_channels"]),
    )


def _older_architecture(
    configuration: dict[str, Any],
) -> tuple[Literal["PlainConvUNet", "ResidualEncoderUNet"], dict[str, Any]]:
    """The network of plans from before 2024, which give numbers and leave the rest to the version that reads them."""
    kind = _known(configuration["UNet_class_name"], _NETWORKS, "UNet_class_name")
    blocks, stages = configuration["n_conv_per_stage_encoder"], len(configuration["n_conv_per_stage_encoder"])
    base, most = _whole(configuration["UNet_base_num_features"]), _whole(configuration["unet_max_num_features"])
    return kind, {
        "n_stages": stages,
        "features_per_stage": [min(base * 2**stage, most) for stage in range(stages)],
        "conv_op": _CONVOLUTIONS[0],
        "kernel_sizes": configuration["conv_kernel_sizes"],
        "strides": configuration["pool_op_kernel_sizes"],
        "n_conv_per_stage" if kind == "PlainConvUNet" else "n_blocks_per_stage": blocks,
        "n_conv_per_stage_decoder": configuration["n_conv_per_stage_decoder"],
        "conv_bias": True,
        "norm_op": "torch.nn.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": "torch.nn.LeakyReLU",
    }


def _normalization(configuration: dict[str, Any], plans: dict[str, Any]) -> Normalization:
    (scheme,) = configuration["normalization_schemes"]
    if any(configuration.get("use_mask_for_norm", [])):
        raise ValueError("the network was trained on images normalized inside a mask, which is not known here")
    if scheme == "NoNormalization":
        return Normalization("none")
    if scheme == "ZScoreNormalization":
        return Normalization("zscore")
    if scheme != "CTNormalization":
        raise ValueError(f"the normalization {scheme!r} is not known here")
    by_channel = plans.get("foreground_intensity_properties_per_channel")
    found = (by_channel or plans["foreground_intensity_properties_by_modality"])["0"]
    lower, upper = float(found["percentile_00_5"]), float(found["percentile_99_5"])
    return Normalization("ct", lower, upper, float(found["mean"]), float(found["std"]))


def _resampling(configuration: dict[str, Any], what: str, *, default_order: int) -> Resampling:
    name = configuration.get(f"resampling_fn_{what}", _RESAMPLERS[0])
    _known(name, dict.fromkeys(_RESAMPLERS), f"resampling_fn_{what}")
    options = configuration.get(f"resampling_fn_{what}_kwargs", {})
    separate = options.get("force_separate_z")
    return Resampling(
        _whole(options.get("order", default_order)),
        _whole(options.get("order_z", 0)),
        None if separate is None else bool(separate),
    )


def _known(name: Any, known: Mapping[str, Any], where: str) -> Any:
    """What a name stands for. Raises ValueError for any name that is not on the list."""
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"{where} names {name!r}, which is not among what can be used: {', '.join(known)}")
    return known[name]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise ValueError(f"expected a whole number, got {value!r}")
    return int(value)


def _each(value: Any, count: int) -> tuple[int, ...]:
    """One whole number a stage; a single one stands for all."""
    if isinstance(value, list):
        return tuple(_whole(item) for item in value)
    return (_whole(value),) * min(max(count, 0), 64)


def _triple(values: Sequence[Any], kind: type, where: str) -> Any:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"{where} must have three numbers, got {values!r}: only networks in three dimensions are used")
    return tuple(_whole(value) if kind is int else float(value) for value in values)


def _text(value: Any) -> str:
    return str(value)[:200]
