"""A case store of full-size cases made from formulas: noise with a bent gland of some 90 ml, in every other a tumor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.training.case_store import CaseStore, write_case
from PDACScreeningLib.training.store_index import write_index
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import ZYX, Geometry


def large_store(folder: Path, *, cases: int, shape: ZYX) -> CaseStore:
    """Write and open a store at 1 mm; (300, 300, 350) is a body-cropped abdomen and 95 MB a case."""
    stored = []
    for number in range(cases):
        rng = np.random.default_rng(number)
        ct = CTVolume(rng.integers(-150, 250, shape, dtype=np.int16), Geometry(shape, (1.0, 1.0, 1.0)))
        stored.append(write_case(folder, f"case-{number}", ct, gland(shape, tumor=number % 2 == 0)))
    write_index(folder, 1.0, "benchmark", stored)
    return CaseStore(folder)


def gland(shape: ZYX, *, tumor: bool) -> NDArray[np.uint8]:
    """A bent tube of half the width of the volume, 32 mm by 26 mm, with a tumor of 24 mm."""
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    away = x - shape[2] / 2
    middle_z, middle_y = shape[0] / 2 + away / 5, shape[1] / 2.5 + 20 * np.sin(away / 35)
    tube = (((z - middle_z) / 16) ** 2 + ((y - middle_y) / 13) ** 2 <= 1) & (np.abs(away) <= shape[2] / 4)
    labels = tube.astype(np.uint8)
    if tumor:
        labels[(z - shape[0] / 2 - 6) ** 2 + (y - shape[1] / 2.5 - 8) ** 2 + (away - 30) ** 2 <= 12**2] = 2
    return labels
