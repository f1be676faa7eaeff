"""Training patches: three types in equal number inside the ROI (section 2.2)."""

from collections import Counter

import numpy as np
import pytest
from small_store import small_case, small_store, store_case

from PDACScreeningLib.config import PatchSampling
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.patch_sampling import PatchSampler, PatchType, patch_type
from PDACScreeningLib.training.store_index import write_index
from PDACScreeningLib.volume.ct_volume import AIR_HU

RULE = PatchSampling(min_tumor_fraction=0.1, min_pancreas_fraction=0.2)


@pytest.mark.parametrize(
    ("pancreas", "tumor", "expected"),
    [
        (0, 0, PatchType.BACKGROUND),
        (19, 9, PatchType.BACKGROUND),  # both just below their fraction of 100 voxels
        (20, 9, PatchType.PANCREAS),
        (0, 10, PatchType.TUMOR),
        (50, 10, PatchType.TUMOR),  # tumor comes first
    ],
)
def test_type_follows_the_fractions(pancreas, tumor, expected):
    assert patch_type(pancreas, tumor, 100, RULE) is expected


def test_a_fraction_of_zero_still_needs_one_voxel():
    nothing = PatchSampling(min_tumor_fraction=0.0, min_pancreas_fraction=0.0)
    assert patch_type(0, 0, 8, nothing) is PatchType.BACKGROUND


def test_the_three_types_come_in_equal_number(tmp_path):
    rule = PatchSampling(roi_margin_voxels=16)
    sampler = PatchSampler(small_store(tmp_path).cases, 16, rule, roi_share=1.0)
    rng = stream(0, "test")
    types = Counter(
        patch_type(np.count_nonzero(labels == 1), np.count_nonzero(labels == 2), labels.size, rule)
        for _ in range(10)
        for labels in sampler.sample(rng, 32, augment=False).labels
    )
    assert types[PatchType.TUMOR] == pytest.approx(320 / 3, rel=0.1)
    assert types[PatchType.PANCREAS] == pytest.approx(320 / 3, rel=0.1)
    assert types[PatchType.BACKGROUND] == pytest.approx(320 / 3, rel=0.1)


def test_patches_come_from_the_roi_only(tmp_path):
    """Voxels outside the box of the pancreas and its margin carry 999 HU here, and no patch shows one."""
    shape = (48, 48, 48)
    labels = np.zeros(shape, np.uint8)
    labels[20:28, 20:28, 20:28] = 1
    hu = np.full(shape, 999, np.int16)
    hu[12:36, 12:36, 12:36] = 0  # margin of 8
    write_index(tmp_path, 1.0, "test", [store_case(tmp_path, "a", hu, labels)])
    sampler = PatchSampler(CaseStore(tmp_path).cases, 8, PatchSampling(roi_margin_voxels=8), roi_share=1.0)
    batch = sampler.sample(stream(0, "test"), 200, augment=False)
    background = [h for h, lab in zip(batch.hu, batch.labels, strict=True) if not lab.any()]
    assert len(background) > 20
    assert max(h.max() for h in batch.hu) == 0


def test_coarse_patches_also_come_from_anywhere(tmp_path):
    store = small_store(tmp_path)
    inside = PatchSampler(store.cases, 8, PatchSampling(roi_margin_voxels=0), roi_share=1.0)
    anywhere = PatchSampler(store.cases, 8, PatchSampling(roi_margin_voxels=0), roi_share=0.0)
    share = [
        s.sample(stream(0, "test"), 100, augment=False).labels.any(axis=(1, 2, 3)).mean() for s in (inside, anywhere)
    ]
    assert share[0] > 0.9
    assert share[1] < 0.5


def test_the_same_stream_gives_the_same_batch(tmp_path):
    sampler = PatchSampler(small_store(tmp_path).cases, 16, PatchSampling(), roi_share=0.5)
    first, again, other = (sampler.sample(stream(seed, "test", 3), 8, augment=True) for seed in (1, 1, 2))
    assert np.array_equal(first.hu, again.hu)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.hu, other.hu)


@pytest.mark.parametrize("part", [slice(0, 3), slice(3, 8), slice(4, 4)])
def test_a_part_of_a_batch_is_that_part_of_the_whole(tmp_path, part):
    sampler = PatchSampler(small_store(tmp_path).cases, 16, PatchSampling(), roi_share=0.5)
    whole = sampler.sample(stream(1, "test"), 8, augment=True)
    some = sampler.sample(stream(1, "test"), 8, augment=True, part=part)
    assert np.array_equal(some.hu, whole.hu[part])
    assert np.array_equal(some.labels, whole.labels[part])


def test_image_and_labels_take_the_same_symmetry(tmp_path):
    labels = small_case(0, tumor=True)[1]
    write_index(tmp_path, 1.0, "test", [store_case(tmp_path, "a", labels.astype(np.int16), labels)])
    sampler = PatchSampler(CaseStore(tmp_path).cases, 16, PatchSampling(), roi_share=1.0)
    batch = sampler.sample(stream(0, "test"), 50, augment=True)
    assert np.array_equal(batch.hu, batch.labels)


def test_a_volume_smaller_than_the_patch_is_padded_with_air(tmp_path):
    hu, labels = small_case(0, tumor=True, shape=(12, 44, 48))
    write_index(tmp_path, 1.0, "test", [store_case(tmp_path, "a", hu, labels)])
    batch = PatchSampler(CaseStore(tmp_path).cases, 16, PatchSampling(), 1.0).sample(stream(0, "t"), 6, augment=False)
    assert (batch.hu[:, :2] == AIR_HU).all()
    assert (batch.hu[:, -2:] == AIR_HU).all()
    assert batch.hu[:, 2:-2].min() > AIR_HU


def test_normals_alone_can_be_sampled(tmp_path):
    write_index(tmp_path, 1.0, "test", [store_case(tmp_path, "a", *small_case(1, tumor=False))])
    batch = PatchSampler(CaseStore(tmp_path).cases, 16, PatchSampling(), 1.0).sample(stream(0, "t"), 9, augment=True)
    assert batch.labels.max() == 1


def test_no_cases_are_refused():
    with pytest.raises(ValueError, match="at least one case"):
        PatchSampler([], 16, PatchSampling(), 1.0)
