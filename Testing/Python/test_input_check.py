"""The gate: what is no CT is refused with what it looks like; what is too little to judge is indeterminate."""

import numpy as np
import pytest
from stored_scans import ORIENTATIONS, body_geometry, body_hu, stored_as

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.hounsfield import to_hounsfield
from PDACScreeningLib.scan_files.input_check import check_ct
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry

LARGE = (40, 24, 28)  # 120 mm long at 3 mm


def check(values, spacing_mm=(3.0, 3.0, 3.0)):
    """Through the conversion and the gate, as a file would go."""
    units = to_hounsfield(values, "ct")
    volume = CTVolume(units.hu, Geometry(values.shape, spacing_mm))
    return check_ct(volume, "ct", (units.lowest, units.highest))


def test_a_good_scan_passes_without_a_word():
    assert check(body_hu(LARGE)) == ()


@pytest.mark.parametrize("padding", [-2000, -3024])
def test_padding_around_the_field_of_view_passes_without_a_word(padding):
    hu = body_hu(LARGE)
    hu[:, :3, :3] = padding
    assert check(hu) == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((body_hu(LARGE) + 1000) / 1100, "from 0 to 0.98.*: they were scaled to a unit range"),
        ((body_hu(LARGE) - 0.0) / 1100, "from -0.909.* they were scaled to a unit range"),
        ((body_hu(LARGE) + 1000) // 5, "from 0 to 215: they are gray values of a picture"),
        (body_hu(LARGE) + 1024, "from 24 to 1103: all is about 1024 too high, as if the intercept of -1024 is missing"),
        (body_hu(LARGE) - 1024, "from -2024 to -945: all is 1024 too low, as if the intercept was applied twice"),
        (np.where(body_hu(LARGE) > -500, 600, 3).astype(np.int16), "no air .* so this is no CT of the body"),
        (np.full(LARGE, -1000, np.int16), "hardly any soft tissue"),
        (np.where(body_hu(LARGE) > -500, 1500, -1000).astype(np.int16), "hardly any soft tissue"),
    ],
)
def test_values_that_are_no_hounsfield_units_are_refused_with_what_they_look_like(values, words):
    with pytest.raises(InputRejected, match=words):
        check(values)


def test_an_mr_like_volume_is_refused():
    rng = np.random.default_rng(0)
    signal = np.where(body_hu(LARGE) > -500, rng.gamma(4, 90, LARGE), rng.rayleigh(8, LARGE)).astype(np.int16)
    with pytest.raises(InputRejected, match="no air"):
        check(signal)


def test_twice_applied_intercept_is_found_although_dense_bone_then_looks_like_tissue():
    hu = body_hu(LARGE)
    hu[:, 11:13, 13:15] = 1060  # bone becomes 36
    with pytest.raises(InputRejected, match="applied twice"):
        check(hu - 1024)


@pytest.mark.parametrize("value", [0, -100, 40])
def test_slices_of_one_value_are_refused(value):
    hu = body_hu(LARGE)
    hu[30:] = value  # what SimpleITK makes of a truncated file that somebody saved again
    with pytest.raises(InputRejected, match=rf"10 of 40 slices of ct hold nothing but the value {value}"):
        check(hu)


def test_slices_of_air_at_an_end_are_a_warning():
    hu = body_hu(LARGE)
    hu[36:] = -1000
    (warning,) = check(hu)
    assert "4 at the upper end hold nothing but air" in warning


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
def test_seven_slices_are_too_few_however_they_are_stored(orientation):
    hu, geometry = stored_as(body_hu((7, 24, 28)), Geometry((7, 24, 28), (3.0, 3.0, 9.0)), orientation)
    with pytest.raises(InputIndeterminate, match=r"\(7 slices\): at least 8"):
        check_ct(CTVolume(hu, geometry), "ct")


def test_eight_slices_are_enough():
    assert len(check(body_hu((8, 24, 28)), (3.0, 3.0, 5.0))) == 2  # short and coarse


def test_less_than_40_mm_is_too_little():
    with pytest.raises(InputIndeterminate, match=r"only 39\.0 mm"):
        check(body_hu((20, 24, 28)), (3.0, 3.0, 1.95))


def test_exactly_40_mm_pass_with_a_warning():
    (warning,) = check(body_hu((20, 24, 28)), (3.0, 3.0, 2.0))
    assert "covers only 40 mm from head to foot" in warning


def test_a_narrow_field_of_view_is_too_little_too():
    with pytest.raises(InputIndeterminate, match=r"only 28\.0 mm in one direction"):
        check(body_hu(LARGE), (1.0, 3.0, 3.0))


def test_3_mm_slices_pass_without_a_word_and_coarser_ones_with_a_warning():
    assert check(body_hu(LARGE), (3.0, 3.0, 3.0)) == ()
    (warning,) = check(body_hu(LARGE), (3.0, 3.0, 5.0))
    assert "up to 5.0 mm apart" in warning
    assert "10.0 mm apart" in check(body_hu(LARGE), (3.0, 3.0, 10.0))[0]


def test_slices_more_than_10_mm_apart_are_too_coarse():
    with pytest.raises(InputIndeterminate, match=r"12\.0 mm apart"):
        check(body_hu(LARGE), (3.0, 3.0, 12.0))


@pytest.mark.parametrize("orientation", ORIENTATIONS[::7])
def test_a_slice_scaled_by_other_numbers_allows_no_answer(orientation):
    hu = body_hu(LARGE)
    hu[20] += 1024
    array, geometry = stored_as(hu, body_geometry(LARGE), orientation)
    with pytest.raises(InputIndeterminate, match="the first is slice 21"):
        check_ct(CTVolume(array, geometry), "ct")


def test_the_gate_works_without_a_stored_range():
    with pytest.raises(InputRejected, match="from 0 to 100"):
        check_ct(
            CTVolume(np.tile(np.arange(101, dtype=np.int16), (40, 24, 1)), Geometry((40, 24, 101), (3.0,) * 3)), "ct"
        )
