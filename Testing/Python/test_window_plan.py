"""Windows drawn by hand: where they begin, what they decide, which are run."""

import numpy as np
import pytest
from fake_network import air
from hypothesis import given
from hypothesis import strategies as st

from PDACScreeningLib.config import PAPER_SCALES, ScaleSpec, ScreeningConfig, WindowSpec
from PDACScreeningLib.inference.coarse_to_fine import windows_of
from PDACScreeningLib.inference.window_plan import (
    Axis,
    WindowRun,
    _longer,
    air_before,
    axis_windows,
    plan_windows,
    window_starts,
)
from PDACScreeningLib.volume.ct_volume import AIR_HU

PAPER = ScreeningConfig()
SMALL = ScaleSpec(patch_size=16, stride=5, batch_size=1, loss_weights=(1.0, 3.0))


def test_last_window_ends_flush_with_the_axis():
    assert window_starts(10, 5, 3) == [0, 3, 5]


def test_window_as_long_as_the_axis_is_used_once():
    assert window_starts(64, 64, 20) == [0]


def test_stride_that_divides_the_axis_repeats_no_window():
    assert window_starts(104, 64, 20) == [0, 20, 40]


def test_window_longer_than_the_axis_is_refused():
    with pytest.raises(ValueError, match="window 64 exceeds axis length 63"):
        window_starts(63, 64, 20)


def test_average_volume_of_the_paper_takes_18432_coarse_windows():
    coarse = PAPER.scales[0]
    axes = [axis_windows(length, WindowSpec.of_paper(coarse), 64) for length in (667, 512, 512)]
    assert [len(axis.starts) for axis in axes] == [32, 24, 24]
    assert 32 * 24 * 24 == 18432


def test_coverage_of_a_drawn_axis():
    assert Axis(10, 5, 0, (0, 3, 5)).coverage().tolist() == [1, 1, 1, 2, 2, 2, 2, 2, 1, 1]


def test_the_margin_does_not_count_but_at_the_ends_of_the_axis():
    axis = Axis(20, 12, 2, (0, 8))
    assert (axis.counted(0), axis.counted(8)) == (slice(0, 10), slice(10, 20))
    assert axis.coverage().tolist() == [1] * 20


@given(length=st.integers(1, 200), patch=st.integers(1, 8), data=st.data())
def test_every_voxel_is_covered_and_every_window_of_the_paper_lies_inside(length, patch, data):
    window = 8 * patch
    stride = data.draw(st.integers(1, window))
    axis = axis_windows(length, WindowSpec(window, stride), window)
    assert axis.length == max(length, window)
    assert axis.coverage().min() >= 1
    assert list(axis.starts) == sorted(set(axis.starts))
    assert axis.starts[0] == 0
    assert axis.starts[-1] + window == axis.length
    assert max(np.diff(axis.starts), default=0) <= stride


@given(length=st.integers(1, 700), eighths=st.integers(3, 20), margin=st.sampled_from((0, 4, 8)))
def test_large_windows_cover_everything_with_as_few_as_will_do_and_begin_where_poolings_begin(length, eighths, margin):
    """Starts and sizes are multiples of 8, so a voxel has the same neighbors in each pooling whatever the window."""
    largest = WindowSpec(8 * eighths, 8 * eighths - 2 * margin, margin)
    axis = axis_windows(length, largest, 16)
    assert axis.length - length < max(8, 17 - length)
    assert axis.size <= max(largest.size, 16)
    assert all(number % 8 == 0 for number in (axis.length, axis.size, *axis.starts))
    assert axis.coverage().min() >= 1
    assert axis.starts[-1] + axis.size == axis.length
    assert len(axis.starts) == len(window_starts(max(axis.length, largest.size), largest.size, largest.stride))


def test_two_windows_share_an_axis_that_needs_two():
    assert axis_windows(149, WindowSpec(128, 96, 16), 64) == Axis(152, 96, 16, (0, 56))


def test_one_window_takes_a_short_axis_whole():
    assert axis_windows(96, WindowSpec(128, 96, 16), 64) == Axis(96, 96, 16, (0,))


def test_odd_voxel_of_padding_goes_after():
    assert air_before(61, 64) == 1


def test_slices_that_reach_beyond_the_volume_hold_air_there():
    hu = np.zeros((10, 16, 13), np.int16)
    plan = plan_windows(hu, SMALL, WindowSpec.of_paper(SMALL), PAPER)
    assert plan.padding == (3, 0, 1)
    slices = plan.slices(0, 16)
    assert slices.shape == (16, 16, 16)
    assert slices[3:13, :, 1:14].tolist() == hu.tolist()
    assert np.count_nonzero(slices == AIR_HU) == 16**3 - hu.size
    assert np.array_equal(plan.slices(2, 14), slices[2:14])


def test_a_window_is_skipped_when_the_body_lies_in_its_margin_only():
    hu = air((16, 16, 64))  # windows of 32 from 0, 16 and 32 on; they decide 0..23, 24..39 and 40..63
    hu[:, :, 40] = 0
    plan = plan_windows(hu, SMALL, WindowSpec(32, 16, 8), PAPER)
    assert plan.axes[2] == Axis(64, 32, 8, (0, 16, 32))
    assert (plan.corners.tolist(), plan.skipped) == ([[0, 0, 32]], 2)


def test_exact_has_the_windows_of_the_paper():
    windows = [windows_of(scale, PAPER, "exact") for scale in PAPER_SCALES]
    assert windows == [WindowSpec(64, 20), WindowSpec(32, 10), WindowSpec(16, 5)]


def test_fast_looks_once_with_large_windows_and_a_quarter_as_often_with_small_ones():
    windows = [windows_of(scale, PAPER, "fast") for scale in PAPER_SCALES]
    assert windows == [WindowSpec(128, 96, 16), WindowSpec(32, 16), WindowSpec(16, 8)]


@pytest.mark.parametrize("patch_size", range(8, 136, 8))
def test_large_windows_of_any_patch_begin_where_poolings_begin(patch_size):
    scale = ScaleSpec(patch_size, 1, 1, (1.0,))
    windows = windows_of(scale, ScreeningConfig(scales=(scale,)), "fast")
    assert windows.size % 8 == windows.stride % 8 == 0


@pytest.mark.parametrize(("size", "stride", "margin"), [(16, 0, 0), (16, 17, 0), (16, 9, 4), (16, 1, 8), (16, 8, -1)])
def test_windows_that_leave_gaps_are_refused(size, stride, margin):
    with pytest.raises(ValueError, match="stride must lie in|leaves nothing"):
        WindowSpec(size, stride, margin)


def runs_along(length, windows, batch=slice(None)):
    """(first x, step, count) of the runs of a row of windows of 16 over tissue."""
    plan = plan_windows(np.zeros((16, 16, length), np.int16), SMALL, windows, ScreeningConfig())
    return [(run.x, run.step, run.count) for run in plan.runs(plan.corners[batch])]


def test_windows_at_the_same_distance_are_one_run_and_the_last_one_of_an_axis_is_another():
    assert runs_along(31, WindowSpec(16, 5)) == [(0, 5, 4)]
    assert runs_along(33, WindowSpec(16, 5)) == [(0, 5, 4), (17, 16, 1)]  # flush: starts 0, 5, 10, 15, 17
    assert runs_along(33, WindowSpec(16, 5), slice(1, 3)) == [(5, 5, 2)]


def test_windows_that_decide_other_voxels_than_their_neighbors_are_runs_of_their_own():
    assert runs_along(96, WindowSpec(32, 24, 4)) == [(0, 32, 1), (24, 24, 2), (64, 32, 1)]


def test_a_run_ends_with_its_row():
    plan = plan_windows(np.zeros((16, 21, 21), np.int16), SMALL, WindowSpec(16, 5), ScreeningConfig())
    assert [(run.y, run.x, run.count) for run in plan.runs(plan.corners)] == [(0, 0, 2), (5, 0, 2)]


def test_only_a_window_from_the_first_voxel_on_decides_the_voxels_before_its_margin():
    axis = Axis(length=10, size=6, margin=2, starts=(0, 1, 4))
    assert [axis.counted(start) for start in axis.starts] == [slice(0, 4), slice(3, 5), slice(6, 10)]


def test_a_run_goes_on_with_the_window_to_the_right_and_no_other():
    whole = (slice(0, 4),) * 3
    run = WindowRun(y=8, x=16, step=4, count=1, counted=whole)
    assert _longer(run, (0, 8, 19), whole) == WindowRun(8, 16, 3, 2, whole)
    assert _longer(run, (0, 8, 16), whole) is None
    assert _longer(run, (0, 8, 13), whole) is None
    assert _longer(run, (0, 9, 19), whole) is None
    assert _longer(run, (0, 8, 19), (slice(1, 4), *whole[1:])) is None
    assert _longer(WindowRun(8, 16, 3, 2, whole), (0, 8, 22), whole) == WindowRun(8, 16, 3, 3, whole)
    assert _longer(WindowRun(8, 16, 3, 2, whole), (0, 8, 23), whole) is None
