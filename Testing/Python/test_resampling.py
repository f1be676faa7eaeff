"""Weights of one axis by pencil, and what resampling must keep: constants, ramps, centers of mass."""

import numpy as np
import pytest

from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.resampling import axis_weights, grid_weights, resampled_slabs


def dense(*arguments, antialias=True):
    return axis_weights(*arguments, antialias=antialias).matrix.toarray()


def resampled(array, source, target):
    result = np.empty(target.shape, np.float32)
    for z, slab in resampled_slabs(array, grid_weights(source, target, antialias=True)):
        result[z] = slab
    return result


def centered_grids(shape, spacing_mm, new_shape, new_spacing_mm):
    return Geometry(shape, spacing_mm), Geometry(new_shape, new_spacing_mm)


def test_the_same_grid_needs_no_weights():
    assert axis_weights(7, 0.7, 7, 0.7, antialias=True).matrix is None


def test_half_the_spacing_interpolates_linearly_and_repeats_the_edge():
    # centers of the source at 0 and 1, of the target at -0.25, 0.25, 0.75, 1.25
    assert np.allclose(dense(2, 1.0, 4, 0.5), [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])


def test_double_the_spacing_averages_over_the_widened_triangle():
    # the target center lies between voxels 1 and 2; distances 0.5, 0.5, 1.5, 1.5 of width 2: weights 3, 3, 1, 1 of 8
    assert np.allclose(dense(4, 1.0, 1, 2.0), [[1 / 8, 3 / 8, 3 / 8, 1 / 8]])


def test_what_reaches_over_the_edge_counts_for_the_edge_voxel():
    # first target at 0.5: voxels -1, 0, 1, 2 have 1, 3, 3, 1 of 8, and voxel -1 is voxel 0
    assert np.allclose(dense(4, 1.0, 2, 2.0)[0], [4 / 8, 3 / 8, 1 / 8, 0])


@pytest.mark.parametrize("step", [0.1, 0.37, 0.999, 1.0001, 1.25, 2.0, 2.5, 3.3, 7.0])
@pytest.mark.parametrize("length", [1, 2, 9, 50])
@pytest.mark.parametrize("antialias", [True, False])
def test_weights_are_never_negative_and_sum_to_one(step, length, antialias):
    weights = axis_weights(length, 1.0, int(np.ceil(length / step)), step, antialias=antialias).matrix
    if weights is not None:
        assert weights.data.min() > 0
        assert np.allclose(weights.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("step", [0.1, 0.37, 0.999, 1.01, 1.25, 2.0, 2.5, 3.3])
@pytest.mark.parametrize("antialias", [True, False])
def test_a_linear_ramp_stays_a_linear_ramp_away_from_the_edge(step, antialias):
    length = 60
    target = int(np.ceil(length / step))
    ramp = axis_weights(length, 1.0, target, step, antialias=antialias).matrix @ np.arange(length, dtype=np.float64)
    exact = (np.arange(target) - (target - 1) / 2) * step + (length - 1) / 2
    inside = (exact > 2 * step + 1) & (exact < length - 2 - 2 * step)
    assert inside.any()
    assert np.abs(ramp - exact)[inside].max() < 1e-5


@pytest.mark.parametrize(("new_shape", "new_mm"), [((21, 35, 40), 1.0), ((9, 14, 16), 2.5), ((7, 12, 13), 3.0)])
def test_a_ramp_in_space_keeps_its_values_at_every_place(new_shape, new_mm):
    shape, spacing = (10, 44, 50), (0.8, 0.8, 2.0)
    source, target = centered_grids(shape, spacing, new_shape, (new_mm,) * 3)

    def height(geometry):
        z, y, x = np.indices(geometry.shape) - (np.array(geometry.shape).reshape(3, 1, 1, 1) - 1) / 2
        sx, sy, sz = geometry.spacing_mm
        return 3 * z * sz + 2 * y * sy - x * sx

    result = resampled(height(source).astype(np.float32), source, target)
    inside = (slice(3, -3),) * 3 if min(new_shape) > 7 else (slice(3, 4), slice(3, -3), slice(3, -3))
    assert np.abs(result - height(target))[inside].max() < 1e-3


@pytest.mark.parametrize("new_mm", [0.6, 1.0, 1.7, 3.0])
def test_the_center_of_mass_and_the_mass_of_a_blob_stay(new_mm):
    shape, spacing = (30, 40, 40), (1.0, 1.0, 1.4)
    source, _ = centered_grids(shape, spacing, shape, spacing)
    new_shape = tuple(int(np.ceil(mm / new_mm)) for mm in source.extent_mm[::-1])
    target = Geometry(new_shape, (new_mm,) * 3)
    z, y, x = np.indices(shape)
    blob = np.exp(-((z - 13.3) ** 2) / 18 - ((y - 21.0) ** 2) / 50 - ((x - 17.7) ** 2) / 30).astype(np.float32)
    result = resampled(blob, source, target)

    def center_mm(array, geometry):
        places = np.indices(array.shape).reshape(3, -1) @ array.ravel() / array.sum()
        return (places - (np.array(array.shape) - 1) / 2) * geometry.spacing_mm[::-1]

    assert np.abs(center_mm(result, target) - center_mm(blob, source)).max() < 0.02
    assert result.sum() * target.voxel_volume_mm3 == pytest.approx(blob.sum() * source.voxel_volume_mm3, rel=0.01)


def test_slabs_give_the_same_as_the_whole_axis_at_once():
    shape, new_shape = (50, 3, 3), (77, 3, 3)
    source, target = centered_grids(shape, (1.0, 1.0, 1.0), new_shape, (1.0, 1.0, 50 / 77))
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    at_once = np.tensordot(dense(50, 1.0, 77, 50 / 77), array, axes=(1, 0))
    assert np.allclose(resampled(array, source, target), at_once, atol=1e-5)


def test_reduced_grids_do_not_alias():
    stripes = np.tile(np.array([0, 100], np.float32), 30)[None, None, :]  # finer than the target can show
    source, target = centered_grids((1, 1, 60), (1.0, 1.0, 1.0), (1, 1, 20), (3.0, 1.0, 1.0))
    assert np.abs(resampled(stripes, source, target)[..., 1:-1] - 50).max() < 12


def test_the_voxels_a_target_rests_on_and_the_targets_a_voxel_reaches_are_known():
    weights = axis_weights(
        4, 1.0, 8, 0.5, antialias=False
    )  # target centers -0.25, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25
    assert weights.sources(3, 5) == (1, 3)
    assert weights.targets(1, 2) == (1, 5)
    assert axis_weights(4, 1.0, 4, 1.0, antialias=False).targets(1, 2) == (1, 2)


def test_a_voxel_between_the_targets_of_plain_interpolation_reaches_none():
    # three times the spacing: targets at 1, 4, 7 lie on voxel centers and rest on these alone
    assert np.allclose(dense(9, 1.0, 3, 3.0, antialias=False), np.eye(9)[[1, 4, 7]])
    assert axis_weights(9, 1.0, 3, 3.0, antialias=False).targets(2, 4) == (0, 0)
