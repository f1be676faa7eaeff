"""An nnU-Net whose answer is known beforehand: it reads the tissue off the Hounsfield units, voxel by voxel."""

from pathlib import Path

import numpy as np
import torch
from nnunet_folders import architecture, configuration, with_nnunets_names, write_folder

from PDACScreeningLib.network.dynamic_unet import DynamicUNet
from PDACScreeningLib.network.nnunet_folder import StepSource
from PDACScreeningLib.network.nnunet_import import ImportOrder, import_nnunet
from PDACScreeningLib.network.nnunet_labels import LabelWish
from PDACScreeningLib.network.nnunet_plans import read_plans
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry

BODY_HU, PANCREAS_HU, TUMOR_HU = 0, 100, 200
LABELS = {"background": 0, "tumor": 1, "pancreas": 2}
WISH = LabelWish(("tumor",), ("pancreas",))
SCALE = {"mean": 0.0, "std": 100.0, "percentile_00_5": -1000.0, "percentile_99_5": 1000.0}


def threshold_config(spacing=(2.0, 2.0, 2.0), patch=(16, 32, 32)):
    network = architecture(features=(2, 2), anisotropic=False)
    network["arch_kwargs"] |= {
        "norm_op": "torch.nn.modules.batchnorm.BatchNorm3d",  # with a mean of 0 and a variance of 1 it changes nothing
        "strides": [[1, 1, 1], [2, 2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
    }
    return configuration(network, spacing=spacing, patch=patch)


def threshold_state(folder: Path, *, tumor_from_hu=150.0, pancreas_from_hu=50.0, labels=LABELS):
    """Weights that hand the first voxel value on, and an output that compares it."""
    network = DynamicUNet(read_plans(folder, "3d_fullres", LabelWish()).unet)
    state = {name: torch.zeros_like(tensor) for name, tensor in network.state_dict().items()}
    for name in state:
        if name.endswith(("norm.weight", "running_var")):
            state[name] += 1
    state["encoder.stages.0.0.convs.0.conv.weight"][0, 0, 1, 1, 1] = 1
    state["decoder.stages.0.convs.0.conv.weight"][0, 2, 1, 1, 1] = 1  # behind the two of the deconvolution
    sharp, from_one, from_other = 40.0, pancreas_from_hu / 100, tumor_from_hu / 100
    _compare(state, labels["pancreas"], sharp, from_one)
    if "tumor" in labels:  # as likely as the pancreas exactly at `tumor_from_hu`
        _compare(state, labels["tumor"], 2 * sharp, from_other - (from_other - from_one) / 2)
    return with_nnunets_names(state, 2)


def _compare(state, label, slope, threshold):
    state["decoder.head.weight"][label, 0] = slope
    state["decoder.head.bias"][label] = -slope * threshold


def write_threshold_folder(folder: Path, *, folds=(150.0,), labels=LABELS, spacing=(2.0, 2.0, 2.0), **options) -> Path:
    """A trained folder. folds: from how many HU on each fold sees a tumor."""
    config = threshold_config(spacing)
    names = [str(number) for number in range(len(folds))]
    plan = {"foreground_intensity_properties_per_channel": {"0": SCALE}, **options.pop("plan", {})}
    write_folder(folder, config, labels=labels, folds=names, plan=plan, **options)
    for name, tumor_from_hu in zip(names, folds, strict=True):
        path = folder / f"fold_{name}" / "checkpoint_final.pth"
        content = torch.load(path, weights_only=False)
        content["network_weights"] = threshold_state(folder, tumor_from_hu=tumor_from_hu, labels=labels)
        torch.save(content, path)
    return folder


def import_thresholds(folder: Path, *, coarse: bool = False, coarse_pancreas=True, name="theirs", **changed) -> Path:
    """A model in `folder`/model. changed: of the folder (folds, spacing, plan ...) or of the order."""
    order = {key: changed.pop(key) for key in ("published_score", "min_tumor_voxels") if key in changed}
    source = StepSource(write_threshold_folder(folder / "trained", **changed), WISH)
    if coarse:
        from_hu = 50.0 if coarse_pancreas else 5000.0
        labels = {"background": 0, "pancreas": 1}
        first = write_threshold_folder(folder / "coarse", labels=labels, spacing=(4.0, 4.0, 4.0))
        path = first / "fold_0" / "checkpoint_final.pth"
        content = torch.load(path, weights_only=False)
        content["network_weights"] = threshold_state(first, pancreas_from_hu=from_hu, labels=labels)
        torch.save(content, path)
        order |= {
            "coarse": StepSource(first, LabelWish()),
            "coarse_spacing_mm_xyz": (4.0, 4.0, 4.0),
            "margin_mm_xyz": (12.0, 8.0, 8.0),
        }
    import_nnunet(ImportOrder(name, source, "CC0", "this test", **order), folder / "model")
    return folder / "model"


def known_scan(tumor=(6, 6, 6), *, shape=(48, 64, 64), spacing_mm=(2.0, 2.0, 2.0), gland=True, seed=0) -> CTVolume:
    """A body with a pancreas, an ellipsoid of some 5,500 voxels, and a tumor of so many voxels in its middle.

    tumor (0, 0, 0): none. Every voxel has noise of up to 25 HU, which no threshold notices: a scan without is refused.
    seed: of the noise.
    """
    z, y, x = np.meshgrid(*(np.arange(length) - (length - 1) / 2 for length in shape), indexing="ij")
    hu = np.where((y / (0.42 * shape[1])) ** 2 + (x / (0.45 * shape[2])) ** 2 < 1, BODY_HU, -1000)
    if gland:
        hu[(z / 9) ** 2 + (y / 10) ** 2 + (x / 15) ** 2 < 1] = PANCREAS_HU
    starts = [length // 2 - side // 2 for length, side in zip(shape, tumor, strict=True)]
    hu[tuple(slice(start, start + side) for start, side in zip(starts, tumor, strict=True))] = TUMOR_HU
    hu = hu + np.random.default_rng(seed).integers(-25, 26, shape)
    return CTVolume(hu.astype(np.int16), Geometry(shape, spacing_mm))
