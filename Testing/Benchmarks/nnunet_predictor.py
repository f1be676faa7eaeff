"""nnU-Net's own sliding window, fed with our network; only where the package nnunetv2 is installed (extra `bench`)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor, nn


def nnunet_predictor(network: nn.Module, patch_size: int, device: str) -> Callable[[Tensor], Tensor] | None:
    """(1, z, y, x) normalized volume -> (3, z, y, x) logits, at half a patch with Gaussian weights; None without it.

    Its predictor asks a plans file for two numbers only, which stand here in its place.
    """
    try:
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    except ImportError:
        return None
    predictor = nnUNetPredictor(
        tile_step_size=0.5, use_gaussian=True, use_mirroring=False, device=torch.device(device), allow_tqdm=False
    )
    predictor.network = network
    predictor.configuration_manager = SimpleNamespace(patch_size=[patch_size] * 3)
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=3)
    predictor.allowed_mirroring_axes = None
    return predictor.predict_sliding_window_return_logits
