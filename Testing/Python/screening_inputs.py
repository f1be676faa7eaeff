"""A scan and a model small enough to screen in a second, with an answer that is known beforehand."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from PDACScreeningLib.config import HUWindow, NetworkSpec, ScreeningConfig
from PDACScreeningLib.network.model_description import ModelDescription
from PDACScreeningLib.network.model_directory import save_model
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.volume.label_map import Label

NOTICE = "test model, knows nothing"


def write_scan(path: Path, *, shape: tuple[int, int, int] = (24, 40, 40), spacing_mm: float = 4.0) -> Path:
    """An elliptic cylinder of noisy soft tissue in air. shape: (z, y, x)."""
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2 < 1
    noise = np.random.default_rng(0).normal(0, 15, shape)
    fat = (x / 0.7) ** 2 + (y / 0.5) ** 2 > 1
    hu = np.where(body, np.where(fat, -100, 60) + noise, -1000 + noise / 3)
    image = sitk.GetImageFromArray(np.round(hu).astype(np.int16))
    image.SetSpacing((spacing_mm,) * 3)
    sitk.WriteImage(image, str(path))
    return path


def write_model(
    folder: Path,
    answer: Label,
    *,
    is_demo: bool = False,
    base_width: int = 2,
    working_spacing_mm: float | None = None,
    largest_logit: float = 9.0,
) -> Path:
    """A model folder whose three networks call every voxel `answer`."""
    config = ScreeningConfig(
        network=NetworkSpec(base_width=base_width), working_spacing_mm=working_spacing_mm, intensity=HUWindow()
    )
    description = ModelDescription(
        name=folder.name,
        trained_on="nothing",
        is_demo=is_demo,
        config=config,
        weights_sha256="",
        notice=NOTICE,
    )
    states = {}
    for scale in config.scales:
        network = SegmentationNetwork(scale, config.network)
        torch.nn.init.zeros_(network.head.weight)
        bias = torch.zeros(3)
        bias[int(answer)] = largest_logit
        network.head.bias = torch.nn.Parameter(bias)
        states[scale.patch_size] = network.state_dict()
    save_model(folder, description, states)
    return folder
