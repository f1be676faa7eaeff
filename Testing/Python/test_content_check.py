"""A volume keeps its grid whatever is put into it; what was not measured is noticed by what the slices show."""

from functools import cache

import numpy as np
import pytest
from stored_scans import REAL_CT

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.phantom.cohort import CohortSpec, case_specifications
from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.scan_files.content_check import check_content
from PDACScreeningLib.scan_files.image_io import read_ct_file
from PDACScreeningLib.scan_files.input_check import check_ct
from PDACScreeningLib.scan_files.slice_order import check_order
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.orientation import canonical_orientation


@cache
def phantom(seed=5):
    """Our phantom with a tumor, as (z, y, x) HU, the feet first."""
    made = generate(random_specification(seed, tumor_diameter_mm=30.0)).ct
    hu = canonical_orientation(made.geometry).to_canonical(made.hu)
    hu.setflags(write=False)
    return hu


def spoiled(change, seed=5):
    hu = phantom(seed).copy()
    changed = change(hu)
    return hu if changed is None else changed


def with_slices(numbers, value_of):
    def change(hu):
        for z in numbers:
            hu[z] = value_of(hu, z)

    return change


def brighter_tissue(hu, amount):
    return np.where((hu > 20) & (hu < 150), hu + amount, hu)


def interpolated(hu):
    weight = np.linspace(0, 1, 6)[1:-1, None, None]
    hu[40:44] = np.rint((1 - weight) * hu[39] + weight * hu[44])


def half_lost(value):
    def change(hu):
        hu[40:43, hu.shape[1] // 2 :] = value

    return change


MIDDLE = range(40, 50)
REJECTED = {
    "slices of air amid": (with_slices(MIDDLE, lambda hu, z: -1024), "10 slices of ct hold nothing but air although"),
    "slices of noisy air amid": (
        with_slices(MIDDLE, lambda hu, z: np.random.default_rng(z).integers(-1020, -980, hu[z].shape)),
        "10 slices of ct hold nothing but air although",
    ),
    "one slice of air amid": (with_slices([44], lambda hu, z: -1000), "1 slices of ct hold nothing but air"),
    "copies of the slice before": (with_slices(MIDDLE, lambda hu, z: hu[39]), "10 of .* slices of ct are copies"),
    "one copy": (with_slices([40], lambda hu, z: hu[39]), "1 of .* slices of ct are copies"),
    "a copy of a slice far away": (with_slices([40], lambda hu, z: hu[10]), "are copies of other slices"),
    "a mirrored copy": (with_slices([40], lambda hu, z: hu[39, :, ::-1]), "are copies of other slices"),
    "the lower half again": (lambda hu: np.concatenate([hu[:40], hu[:40]]), "40 of 80 slices of ct are copies"),
    "the lower half again, backwards": (lambda hu: np.concatenate([hu[:40], hu[39::-1]]), "40 of 80 slices .* copies"),
    "means of neighbors": (interpolated, "4 of .* slices of ct are nothing but the mean"),
    "half of three slices lost to air": (half_lost(-1024), "a part of slice 4[0-4] of ct holds nothing but one value"),
    "half of three slices lost to water": (half_lost(0), "a part of slice 4[0-4] of ct holds nothing but one value"),
}


def mirror(numbers):
    def change(hu):
        hu[numbers] = hu[numbers, :, ::-1]

    return change


def exchange(one, other):
    def change(hu):
        hu[[one, other]] = hu[[other, one]]

    return change


def every_second(value_of):
    def change(hu):
        hu[1::2] = value_of(hu[1::2])

    return change


INDETERMINATE = {
    "one mirrored slice": (mirror([40]), "1 slices of ct do not fit between their neighbors .*slice 41"),
    "a mirrored block": (mirror(list(range(40, 48))), "breaks off between slices 4"),
    "the upper half mirrored": (mirror(list(range(40, 96))), "breaks off between slices 40 and 41.* mirrored"),
    "two slices exchanged": (exchange(40, 44), "do not fit between their neighbors"),
    "two neighbors exchanged": (exchange(40, 41), "do not fit between their neighbors"),
    "names sorted as words": (lambda hu: hu[sorted(range(len(hu)), key=str)], "do not fit between"),
    "even slices, then odd ones": (lambda hu: np.concatenate([hu[::2], hu[1::2]]), "breaks off between slices"),
    "chance order": (lambda hu: np.random.default_rng(0).permutation(hu), "do not fit between"),
    "ten slices cut out and closed up": (lambda hu: np.delete(hu, MIDDLE, axis=0), "breaks off between slices 40 and"),
    "one slice scaled wrongly": (with_slices([40], lambda hu, z: hu[z] + 200), "do not fit between"),
    "another phase in turns": (every_second(lambda hu: brighter_tissue(hu, 80)), "even and odd slices of ct differ"),
    "a phase of 30 HU more in turns": (every_second(lambda hu: brighter_tissue(hu, 30)), "even and odd slices"),
    "another position in turns": (every_second(lambda hu: np.roll(hu, 3, axis=2)), "even and odd slices|do not fit"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_slices_that_nobody_measured_are_refused(case):
    change, words = REJECTED[case]
    with pytest.raises(InputRejected, match=words):
        check_content(spoiled(change), "ct")


@pytest.mark.parametrize("case", INDETERMINATE)
def test_slices_that_do_not_follow_each_other_allow_no_answer(case):
    change, words = INDETERMINATE[case]
    with pytest.raises(InputIndeterminate, match=words):
        check_content(spoiled(change), "ct")


@pytest.mark.parametrize("seed", range(5, 9))
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_phantom_passes_without_a_word_at_every_slice_distance(seed, step):
    assert check_content(phantom(seed)[::step], "ct") == ()


@pytest.mark.parametrize("axis", [1, 2])
def test_a_phantom_cut_across_is_not_refused(axis):
    warnings = check_content(np.moveaxis(phantom(), axis, 0), "ct", head_to_foot=False)
    assert not [warning for warning in warnings if "abruptly" in warning]


@pytest.mark.parametrize("name", ["ts_example_ct_3mm.nii.gz"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_real_scan_passes_without_a_word(name, step):
    if not (REAL_CT / name).exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    volume = read_ct_file(REAL_CT / name).volume
    assert check_content(canonical_orientation(volume.geometry).to_canonical(volume.hu)[::step], "ct") == ()


def test_every_axis_along_which_slices_may_have_been_stacked_is_looked_at():
    hu = phantom().copy()
    hu[:, :, 30:36] = -1024  # slices of a sagittal stack
    sagittal = Geometry((hu.shape[2], *hu.shape[:2]), (2.5, 2.5, 2.5), direction=(0, 0, 1, 1, 0, 0, 0, 1, 0))
    with pytest.raises(InputRejected, match="6 slices of ct hold nothing but air"):
        check_ct(CTVolume(np.ascontiguousarray(np.moveaxis(hu, 2, 0)), sagittal), "ct")


def test_air_at_the_ends_is_spoken_of_and_is_no_length():
    def change(hu):
        hu[:10] = -1024
        hu[-5:] = -1000

    assert (
        "10 slices at the lower and 5 at the upper end hold nothing but air" in check_content(spoiled(change), "ct")[0]
    )
    hu = phantom()[:30].copy()
    hu[12:] = -1024  # 12 slices of 3 mm are left
    with pytest.raises(InputIndeterminate, match=r"covers only 36\.0 mm"):
        check_ct(CTVolume(hu, Geometry(hu.shape, (3.0, 3.0, 3.0))), "ct")


def test_a_scan_that_was_enlarged_throughout_is_read():
    (warning,) = check_content(np.repeat(phantom(), 2, axis=0), "ct")
    assert "slices repeat the slice before them: the scan was enlarged" in warning
    hu = phantom().astype(np.int32)
    between = ((hu[:-1] + hu[1:]) // 2).astype(np.int16)
    enlarged = np.empty((2 * len(between), *hu.shape[1:]), np.int16)
    enlarged[::2], enlarged[1::2] = hu[:-1], between
    assert check_content(enlarged, "ct") == ()


def test_a_wall_of_one_value_is_spoken_of():
    def change(hu):
        hu[:, :12] = 0

    (warning,) = check_content(spoiled(change), "ct")
    assert "hold nothing but the value 0" in warning


@pytest.mark.parametrize(
    ("step", "refused"), [(0, False), (2, False), (3, True), (15, True), (25, True), (26, False), (28, False)]
)
def test_a_jump_with_fewer_than_three_steps_to_an_end_is_a_warning(step, refused):
    """29 steps of a random walk, one of them five times as large."""
    walk = np.random.default_rng(0).normal(0, 20, (29, 12, 12))
    walk[step] *= 5
    looks = np.concatenate([np.zeros((1, 12, 12)), walk.cumsum(axis=0)]).astype(np.float32)
    tissue = np.ones(looks.shape, bool)
    where = f"between slices {step + 8} and {step + 9}"
    if refused:
        with pytest.raises(InputIndeterminate, match=f"breaks off {where}"):
            check_order(looks, tissue, 7, "the scan")
    else:
        (warning,) = check_order(looks, tissue, 7, "the scan")
        assert warning.startswith(f"the anatomy changes abruptly {where}")


def test_a_phantom_whose_lungs_begin_at_its_second_last_slice_is_read_with_a_warning():
    made = generate(case_specifications(CohortSpec(cases=11, seed=41))[10]).ct
    hu = canonical_orientation(made.geometry).to_canonical(made.hu)
    assert "changes abruptly between slices 94 and 95" in " ".join(check_content(hu, "the scan"))
