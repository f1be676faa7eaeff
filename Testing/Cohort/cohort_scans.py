"""Scans for a cohort: small, each another, some without a tumor, some damaged, two that end whoever screens them."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from PDACScreeningLib.config import HUWindow, NetworkSpec, ScreeningConfig
from PDACScreeningLib.network.model_description import ModelDescription
from PDACScreeningLib.network.model_directory import save_model
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork

SHAPE, SPACING_MM = (24, 40, 40), 4.0
KILLS_CHILD, KILLS_WORKER = -901, -902


def write_scan(path: Path, seed: int, *, tumor_radius: float, corner_hu: int = -1000) -> Path:
    """An elliptic cylinder of soft tissue in air, in it an ellipsoid of 110 HU (pancreas), in that a ball of 200 HU.

    tumor_radius: in voxels; 0 is none. corner_hu: of the first voxel.
    """
    noise = np.random.default_rng(seed).normal(0, 6, SHAPE)
    z, y, x = np.indices(SHAPE)
    body = ((x - 20) / 16) ** 2 + ((y - 20) / 12) ** 2 < 1
    fat = ((x - 20) / 14) ** 2 + ((y - 20) / 10) ** 2 > 1
    hu = np.where(body, np.where(fat, -100, 20) + noise, -1000 + noise / 3)
    pancreas = ((z - 12) / 7) ** 2 + ((y - 19) / 5) ** 2 + ((x - 21) / 9) ** 2 < 1
    hu[pancreas] = 110 + noise[pancreas] / 2
    hu[(z - 12) ** 2 + (y - 19) ** 2 + (x - 21) ** 2 < tumor_radius**2] = 200
    hu[0, 0, 0] = corner_hu
    image = sitk.GetImageFromArray(np.round(hu).astype(np.int16))
    image.SetSpacing((SPACING_MM,) * 3)
    sitk.WriteImage(image, str(path), True)
    return path


def write_cohort(folder: Path, count: int) -> Path:
    """`count` scans: 1 in 20 damaged, two that kill the child or the worker, half of the others with a tumor."""
    folder.mkdir(parents=True)
    for number in range(count):
        path = folder / f"ct-{number:04}.nii.gz"
        if number in (7, 21):
            write_scan(path, number, tumor_radius=0, corner_hu=KILLS_CHILD if number == 7 else KILLS_WORKER)
            continue
        write_scan(path, number, tumor_radius=0 if number % 2 else 2.5 + number % 4 / 2)
        if number % 20 == 3:
            path.write_bytes(path.read_bytes()[:2000])
        elif number % 20 == 13 and number % 40 == 13:
            path.write_bytes(b"<!DOCTYPE html><html>404</html>")
    return folder


def write_model(folder: Path, *, trained_on: str = "nothing") -> Path:
    """A model folder whose weights nobody asks: the networks are replaced (stub/sitecustomize)."""
    config = ScreeningConfig(network=NetworkSpec(base_width=2), working_spacing_mm=None, intensity=HUWindow())
    states = {s.patch_size: SegmentationNetwork(s, config.network).state_dict() for s in config.scales}
    description = ModelDescription(folder.name, trained_on, is_demo=False, config=config, weights_sha256="")
    save_model(folder, description, states)
    return folder
