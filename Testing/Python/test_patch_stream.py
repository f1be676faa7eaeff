"""The patches that a seed stands for never change: models name the commands that reproduce them.

The digests were taken from the first version of the sampler (commit 222b7b2), before it was made faster.
"""

import hashlib

import numpy as np
import pytest
from small_store import store_case

from PDACScreeningLib.config import PatchSampling
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.patch_sampling import PatchSampler
from PDACScreeningLib.training.store_index import write_index

# (shape, radii of the gland, radius of the tumor; 0 for none). The third is shorter than a patch of 64.
CASES = (((90, 100, 110), (9, 14, 34), 8), ((70, 120, 96), (8, 10, 30), 0), ((40, 80, 90), (6, 9, 21), 3))

DIGESTS = {
    (16, 1.0, False): ["2815ac6b1562ba78", "a0276277dc58de83", "a5ac7fb186de590b", "3ba4c81755dd8bb9"],
    (16, 1.0, True): ["277ac8db558abc58", "7cca5fcb3b95ccb5", "d88520ca2cb2340b", "e77efd01bb50bcc3"],
    (32, 1.0, False): ["b165f7ef8462a4f3", "37a72f1f4c327a39", "895a72df846ac1f5", "a70e493f97721c47"],
    (32, 1.0, True): ["cd77d351e01ccfd9", "480cc3187dfb3cd3", "2d6b3a0a28e67717", "a365a7846f47999d"],
    (64, 0.5, False): ["055c89155e3ebe25", "bab096ad84827080", "e40205f761766d44", "8fd9589b990d61a0"],
    (64, 0.5, True): ["2a77ac3f49df4186", "5956c2bb9ce9faa7", "5322e5f77241f676", "b4f34440c6f091f9"],
    (64, 1.0, False): ["5fbdce0f0cc26d53", "f52ba2b51f5031ff", "6822c7018f979b1b", "3110644aa1097057"],
    (64, 1.0, True): ["69a088a62d1cf8d2", "bf25fd858c0d2e87", "9f160f3c6799bdd3", "e813b3dc0b0ef518"],
}


def drawn_case(shape, radii, tumor_radius):
    """hu whose value tells the voxel, and an ellipsoid gland off the center with a ball at its end."""
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    away = [axis - (0.4 * length) for axis, length in zip((z, y, x), shape, strict=True)]
    labels = (sum((a / r) ** 2 for a, r in zip(away, radii, strict=True)) <= 1).astype(np.uint8)
    ball = away[0] ** 2 + away[1] ** 2 + (away[2] - radii[2] + 4) ** 2 <= tumor_radius**2
    if tumor_radius:
        labels[ball] = 2
    return ((z * 7919 + y * 104_729 + x * 1_299_709) % 1301 - 1024).astype(np.int16), labels


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    stored = [store_case(folder, f"case-{i}", *drawn_case(*facts)) for i, facts in enumerate(CASES)]
    write_index(folder, 2.0, "test", stored)
    return CaseStore(folder).cases


def digest(batch):
    return hashlib.sha256(batch.hu.astype("<i2").tobytes() + batch.labels.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(("size", "roi_share", "augment"), sorted(DIGESTS))
def test_a_seed_gives_the_patches_it_always_gave(cases, size, roi_share, augment):
    sampler = PatchSampler(cases, size, PatchSampling(), roi_share)
    batches = [sampler.sample(stream(7, "golden", size, t), 9, augment=augment) for t in range(4)]
    assert [digest(batch) for batch in batches] == DIGESTS[size, roi_share, augment]
