"""Brightness of training patches: each part does what its field says, none moves a voxel, and all off is nothing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from small_store import small_store
from training_lives import tiny_run

from PDACScreeningLib.config import IntensityAugmentation
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.augmentation import AXIAL_SYMMETRIES, CUBE_SYMMETRIES, random_symmetry
from PDACScreeningLib.training.intensity_augmentation import blurred, changed_brightness
from PDACScreeningLib.training.patch_source import PatchSource
from PDACScreeningLib.training.ranks import Ranks

STEP = np.where(np.arange(12) < 6, 40, 100).astype(np.int16)[:, None, None] * np.ones((1, 12, 12), np.int16)


def changed(seed, hu=STEP, **fields):
    return changed_brightness(hu, IntensityAugmentation(**fields), 70.0, stream(seed, "test"))


def test_a_shift_adds_one_value_to_all_voxels_and_is_drawn_with_its_standard_deviation():
    shifts = [np.unique(changed(seed, shift_hu=8.0).astype(int) - STEP) for seed in range(400)]
    assert all(len(shift) == 1 for shift in shifts)
    assert np.std(shifts) == pytest.approx(8, rel=0.15)


def test_contrast_stretches_around_the_mean_of_the_hu_window_within_its_share():
    apart = [int(patch.max()) - int(patch.min()) for patch in (changed(seed, contrast=0.1) for seed in range(200))]
    assert 54 <= min(apart) <= 55  # of 60
    assert 65 <= max(apart) <= 66
    middle = np.full((4, 4, 4), 70, np.int16)
    assert (changed(1, middle, contrast=0.5) == 70).all()


def test_noise_is_as_strong_as_drawn_up_to_its_largest():
    flat = np.full((24, 24, 24), 70, np.int16)
    spread = [changed(seed, flat, noise_hu=5.0).std() for seed in range(200)]
    assert 4.5 < max(spread) < 5.2
    assert min(spread) < 0.5


def test_the_cheap_blur_is_close_to_a_gaussian_one_and_keeps_the_sum():
    noise = stream(0, "test").standard_normal((20, 21, 22), dtype=np.float32)
    ours, gaussian = blurred(noise, 0.5), ndimage.gaussian_filter(noise, 0.5, mode="nearest")
    assert np.corrcoef(ours.ravel(), gaussian.ravel())[0, 1] > 0.995
    assert ours.sum(dtype=np.float64) == pytest.approx(noise.sum(dtype=np.float64), rel=1e-3, abs=1e-2)
    impulse = np.zeros((9, 1, 1), np.float32)
    impulse[4] = 1
    assert blurred(impulse, 0.6)[3:6, 0, 0] == pytest.approx([0.18, 0.64, 0.18])  # w = 0.6^2 / 2; the variance is 2 w


def test_nothing_asked_for_changes_nothing_and_gas_and_metal_stay_in_range():
    assert np.array_equal(changed(3), STEP)
    extremes = np.array([-1024, 3071] * 4, np.int16).reshape(2, 2, 2)
    assert set(np.unique(changed(1, extremes, shift_hu=50.0))) <= set(range(-1024, 3072))
    assert IntensityAugmentation().is_off
    assert not IntensityAugmentation(blur_voxels=0.1).is_off


@pytest.mark.parametrize("fields", [{"shift_hu": -1}, {"contrast": 1.0}, {"noise_hu": -1}, {"blur_voxels": 0.8}])
def test_values_that_make_no_augmentation_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        IntensityAugmentation(**fields)


def source(tmp_path, ranks=None, **changes):
    run = tiny_run(tmp_path / "run", iterations=6, checkpoint_every=2)
    return PatchSource(replace(run, config=replace(run.config, **changes)), small_store(tmp_path), ranks or Ranks())


def test_only_brightness_changes_from_the_start_of_augmentation_on(tmp_path):
    plain = source(tmp_path)
    bright = source(tmp_path, intensity_augmentation=IntensityAugmentation(shift_hu=8.0))
    later = source(tmp_path, intensity_augmentation=IntensityAugmentation(shift_hu=8.0), augmentation_start=3)
    assert np.array_equal(plain.training_batch(3).labels, bright.training_batch(3).labels)
    assert not np.array_equal(plain.training_batch(3).hu, bright.training_batch(3).hu)
    assert np.array_equal(later.training_batch(3).hu, bright.training_batch(3).hu)
    unchanged = source(tmp_path, augmentation_start=3)
    assert np.array_equal(later.training_batch(2).hu, unchanged.training_batch(2).hu)
    assert np.array_equal(plain.validation_batch(0).hu, bright.validation_batch(0).hu)


def test_every_patch_of_a_mini_batch_has_a_change_of_its_own(tmp_path):
    plain = source(tmp_path).training_batch(3)
    bright = source(tmp_path, intensity_augmentation=IntensityAugmentation(shift_hu=50.0)).training_batch(3)
    shifts = [int(np.median(one.astype(int) - other)) for one, other in zip(bright.hu, plain.hu, strict=True)]
    assert len(set(shifts)) == len(shifts) == 4


def test_each_of_several_processes_sees_its_part_of_what_one_sees(tmp_path):
    spec = IntensityAugmentation(shift_hu=8.0, contrast=0.1, noise_hu=5.0, blur_voxels=0.5)
    alone = source(tmp_path, intensity_augmentation=spec).training_batch(4)
    halves = [source(tmp_path, Ranks(rank, 2), intensity_augmentation=spec).training_batch(4) for rank in (0, 1)]
    assert np.array_equal(np.concatenate([half.hu for half in halves]), alone.hu)


def test_axial_symmetries_are_the_sixteen_that_keep_the_z_axis():
    cube = np.arange(27).reshape(3, 3, 3)
    assert len({symmetry(cube).tobytes() for symmetry in AXIAL_SYMMETRIES}) == 16
    slices = [frozenset(part.ravel().tolist()) for part in cube]
    assert all({frozenset(part.ravel().tolist()) for part in sym(cube)} == set(slices) for sym in AXIAL_SYMMETRIES)
    rng = stream(0, "test")
    assert {random_symmetry(rng, "axial") for _ in range(600)} == set(AXIAL_SYMMETRIES)
    rng = stream(0, "test")
    assert {random_symmetry(rng) for _ in range(3000)} == set(CUBE_SYMMETRIES)


def test_a_training_draws_among_the_symmetries_of_its_configuration(tmp_path):
    cube, axial = (source(tmp_path, symmetries=name).training_batch(0).hu for name in ("cube", "axial"))
    assert not np.array_equal(cube, axial)
