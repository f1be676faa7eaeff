"""nnU-Net's own predictor on a trained folder, without its trainer: what its users get, which is the truth here."""

import json
import warnings
from pathlib import Path

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager


def own_predictor(folder: Path, *, folds, mirroring: bool, checkpoint="checkpoint_final.pth") -> nnUNetPredictor:
    """nnU-Net's predictor with the weights of some folds."""
    dataset = json.loads((folder / "dataset.json").read_text())
    plans = PlansManager(json.loads((folder / "plans.json").read_text()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that plans of before 2024 are old
        config = plans.get_configuration("3d_fullres")
    heads = plans.get_label_manager(dataset).num_segmentation_heads
    network = get_network_from_plans(
        config.network_arch_class_name,
        config.network_arch_init_kwargs,
        config.network_arch_init_kwargs_req_import,
        1,
        heads,
        allow_init=False,
        deep_supervision=False,
    )
    loaded = [
        torch.load(folder / f"fold_{fold}" / checkpoint, map_location="cpu", weights_only=False) for fold in folds
    ]
    predictor = nnUNetPredictor(use_mirroring=mirroring, device=torch.device("cpu"), allow_tqdm=False)
    predictor.manual_initialization(
        network,
        plans,
        config,
        [content["network_weights"] for content in loaded],
        dataset,
        "nnUNetTrainer",
        loaded[0]["inference_allowed_mirroring_axes"],
    )
    return predictor


def predicted(predictor: nnUNetPredictor, hu: np.ndarray, spacing_mm_xyz) -> tuple[np.ndarray, np.ndarray]:
    """(z, y, x) labels, (outputs, z, y, x) probabilities of a volume in Hounsfield units."""
    properties = {"spacing": list(spacing_mm_xyz)[::-1]}
    return predictor.predict_single_npy_array(hu[None].astype(np.float32), properties, None, None, True)
