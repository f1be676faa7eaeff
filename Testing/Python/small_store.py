"""A tiny case store: a bright gland with a darker tumor in a gray box, so small that a network learns it in seconds."""

import numpy as np

from PDACScreeningLib.training.case_store import CaseStore, write_case
from PDACScreeningLib.training.store_index import write_index
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry

SPACING_MM = 2.0


def small_case(seed, *, tumor, shape=(40, 44, 48)):
    """hu and labels (z, y, x): an ellipsoid gland at 120 HU in 0 HU, with a ball of 40 HU in it when `tumor`."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    cz, cy, cx = (length / 2 + rng.uniform(-4, 4) for length in shape)
    gland = ((z - cz) / 7) ** 2 + ((y - cy) / 8) ** 2 + ((x - cx) / 14) ** 2 <= 1
    labels = gland.astype(np.uint8)
    hu = np.where(gland, 120, 0)
    if tumor:
        ball = (z - cz) ** 2 + (y - cy) ** 2 + (x - cx - 4) ** 2 <= 4**2
        labels[ball & gland] = 2
        hu = np.where(ball & gland, 40, hu)
    return (hu + rng.normal(0, 5, shape)).round().astype(np.int16), labels


def store_case(folder, case_id, hu, labels):
    """Write one case from its arrays."""
    return write_case(folder, case_id, CTVolume(hu, Geometry(hu.shape, (SPACING_MM,) * 3)), labels)


def small_store(folder, *, cases=4):
    """A store of alternating tumor and normal cases."""
    stored = [store_case(folder, f"case-{i}", *small_case(i, tumor=i % 2 == 0)) for i in range(cases)]
    write_index(folder, SPACING_MM, "tiny test cases", stored)
    return CaseStore(folder)
