import numpy as np
import pytest

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.hounsfield import to_hounsfield


def air(dtype=np.float32, shape=(30, 40, 50)):
    """Air with a body in the middle."""
    values = np.full(shape, -1000, dtype)
    values[10:20, 10:30, 10:40] = 40
    return values


def test_numbers_are_rounded_to_the_nearest_hounsfield_unit():
    units = to_hounsfield(np.array([[[-1000.4, 39.6, 0.2]]], np.float64), "ct")
    assert units.hu.dtype == np.int16
    assert units.hu.tolist() == [[[-1000, 40, 0]]]
    assert units.warnings == ()


def test_slope_and_intercept_are_applied():
    stored = np.array([[[0, 1024, 2048]]], np.uint16)
    assert to_hounsfield(stored, "ct", slope=0.5, intercept=-1000).hu.tolist() == [[[-1000, -488, 24]]]


@pytest.mark.parametrize("padding", [-1025, -2000, -3024, -32768])
def test_padding_below_air_becomes_air_and_the_range_still_tells(padding):
    units = to_hounsfield(np.array([[[padding, 40]]], np.int16), "ct")
    assert units.hu.tolist() == [[[-1024, 40]]]
    assert (units.lowest, units.highest) == (padding, 40)
    assert units.warnings == ()


def test_values_above_16_bit_are_cut_with_a_warning():
    units = to_hounsfield(np.array([[[-1000, 40, 50_000]]], np.int32), "ct")
    assert units.hu.max() == 32767
    assert "reach 50000" in units.warnings[0]


def test_negative_values_that_were_stored_as_unsigned_are_refused():
    wrapped = air(np.int16).astype(np.uint16)
    with pytest.raises(InputRejected, match="from 40 to 64536: negative Hounsfield units were stored as unsigned"):
        to_hounsfield(wrapped, "ct")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_few_undefined_voxels_in_air_become_air_with_a_warning(value):
    values = air()
    values[0, 0, :3] = value
    units = to_hounsfield(values, "ct")
    assert (units.hu[0, 0, :3] == -1024).all()
    assert "3 undefined voxels" in units.warnings[0]
    assert (units.lowest, units.highest) == (-1000, 40)


@pytest.mark.parametrize("index", [(15, 20, 25), (8, 20, 25), (15, 20, 41)])
def test_one_undefined_voxel_in_the_body_or_at_its_skin_is_refused(index):
    # SimpleITK would read it as 0 HU, which is water
    values = air()
    values[index] = np.nan
    with pytest.raises(InputRejected, match="1 undefined voxels"):
        to_hounsfield(values, "ct")


def test_many_undefined_voxels_in_air_become_air():
    values = air()
    values[:, :4] = np.nan  # 10 %, as a resampling leaves them outside of what was scanned
    units = to_hounsfield(values, "ct")
    assert (units.hu[:, :4] == -1024).all()
    assert "6000 undefined voxels" in units.warnings[0]


def test_undefined_corners_outside_of_a_field_of_view_become_air_although_the_body_reaches_them():
    values = np.full((30, 40, 50), 40, np.float32)
    values[:, :8, :8] = np.nan
    assert (to_hounsfield(values, "ct").hu[:, :8, :8] == -1024).all()


@pytest.mark.parametrize("where", [np.s_[12:14], np.s_[15, 20:], np.s_[:, 20, 25], np.s_[10:20, 20:, 20:]])
def test_undefined_voxels_in_the_body_are_refused(where):
    values = air()
    values[where] = np.nan
    with pytest.raises(InputRejected, match="undefined voxels"):
        to_hounsfield(values, "ct")


def test_a_scan_that_is_mostly_undefined_is_refused():
    with pytest.raises(InputRejected, match="undefined voxels"):
        to_hounsfield(np.full((2, 3, 4), np.nan), "ct")
