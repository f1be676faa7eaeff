"""However a scan is stored, its canonical array is the same, and every voxel keeps its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_scans import OBLIQUE, ORIENTATIONS, stored_as

from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.orientation import Orientation, canonical_orientation

SHAPES = [(4, 5, 6), (3, 4, 2), (5, 5, 5), (1, 4, 7)]
TURNED_45 = (np.sqrt(0.5), -np.sqrt(0.5), 0.0, np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0, 0.0, 1.0)


def numbered(shape):
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("direction", [(1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0), OBLIQUE, TURNED_45])
def test_all_48_ways_to_store_a_scan_give_the_same_canonical_array_and_geometry(shape, direction):
    geometry = Geometry(shape, (0.7, 0.8, 2.5), (10.0, -20.0, 30.0), direction)
    expected = canonical_orientation(geometry)
    for stored in ORIENTATIONS:
        array, native = stored_as(numbered(shape), geometry, stored)
        orientation = canonical_orientation(native)
        assert np.array_equal(orientation.to_canonical(array), expected.to_canonical(numbered(shape)))
        canonical = orientation.canonical_geometry(native)
        assert canonical.is_close(expected.canonical_geometry(geometry), tolerance_voxels=1e-9)
        assert canonical.spacing_mm == expected.canonical_geometry(geometry).spacing_mm


@pytest.mark.parametrize("stored", ORIENTATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_going_to_canonical_and_back_is_exact_and_copies_nothing(shape, stored):
    array, native = stored_as(numbered(shape), Geometry(shape, (1.0, 2.0, 3.0)), stored)
    orientation = canonical_orientation(native)
    canonical = orientation.to_canonical(array)
    assert np.array_equal(orientation.to_native(canonical), array)
    assert np.shares_memory(orientation.to_native(canonical), array)


@pytest.mark.parametrize("stored", ORIENTATIONS)
def test_a_voxel_keeps_its_place_in_the_world(stored):
    shape = (3, 4, 5)
    array, native = stored_as(numbered(shape), Geometry(shape, (1.0, 2.0, 3.0), (7.0, 8.0, 9.0), OBLIQUE), stored)
    orientation = canonical_orientation(native)
    canonical, geometry = orientation.to_canonical(array), orientation.canonical_geometry(native)
    for value in (0, 17, 59):
        before = native.index_to_world(np.argwhere(array == value)[0])
        after = geometry.index_to_world(np.argwhere(canonical == value)[0])
        assert np.abs(before - after).max() < 1e-9


def test_a_scan_in_lps_order_is_left_alone():
    assert canonical_orientation(Geometry((4, 5, 6), (1.0, 1.0, 1.0), direction=OBLIQUE)) == Orientation(
        (0, 1, 2), (False, False, False)
    )


def test_a_ras_scan_is_flipped_left_to_right_and_front_to_back_only():
    ras = Geometry((4, 5, 6), (1.0, 1.0, 1.0), direction=(-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
    assert canonical_orientation(ras) == Orientation((0, 1, 2), (False, True, True))


def test_a_coronal_series_is_turned_so_that_slices_run_from_feet_to_head():
    # index x to the left, index y downwards (-S), index z from front to back (+P)
    coronal = Geometry((40, 20, 30), (1.0, 1.0, 5.0), direction=(1.0, 0, 0, 0, 0, 1.0, 0, -1.0, 0))
    orientation = canonical_orientation(coronal)
    geometry = orientation.canonical_geometry(coronal)
    assert orientation == Orientation((1, 0, 2), (True, False, False))
    assert geometry.shape == (20, 40, 30)
    assert geometry.spacing_mm == (1.0, 5.0, 1.0)
    assert np.array_equal(geometry.axes, np.eye(3))


@settings(max_examples=200, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    spacing_mm=st.tuples(*[st.floats(0.3, 6.0)] * 3),
    stored=st.sampled_from(ORIENTATIONS),
)
def test_any_rotation_keeps_places_and_gives_axes_close_to_lps(angles, shape, spacing_mm, stored):
    geometry = Geometry(shape, spacing_mm, (5.0, -7.0, 11.0), rotation(angles))
    array, native = stored_as(numbered(shape), geometry, stored)
    orientation = canonical_orientation(native)
    canonical = orientation.canonical_geometry(native)
    assert (np.diag(canonical.axes) >= -1e-9).all()
    last = tuple(length - 1.0 for length in canonical.shape)
    corner = np.argwhere(array == orientation.to_canonical(array)[tuple(map(int, last))])[0]
    apart = canonical.index_to_world(last) - native.index_to_world(corner)
    assert np.abs(apart).max() < 1e-9 * 100


def rotation(angles):
    a, b, c = np.deg2rad(angles)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return tuple((about_x @ about_y @ about_z).ravel())


def test_a_tie_is_one_whatever_its_cosines_were_rounded_to():
    found = set()
    for off in (-1.2e-8, 0.0, 1.2e-8):  # of 45 degrees, in radians
        cos, sin = np.cos(np.pi / 4 + off), np.sin(np.pi / 4 + off)
        turned = Geometry((4, 5, 6), (1.0, 1.0, 1.0), direction=(cos, -sin, 0.0, sin, cos, 0.0, 0.0, 0.0, 1.0))
        found.add(canonical_orientation(turned))
    assert len(found) == 1
