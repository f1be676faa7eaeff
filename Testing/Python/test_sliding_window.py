"""Windows drawn by hand, the mean against a naive loop and against MONAI, and what skipping air may not change."""

import itertools

import numpy as np
import pytest
from fake_network import ConstantNetwork, DecodingNetwork, PlaceDependentNetwork, air
from hypothesis import given
from hypothesis import strategies as st

from PDACScreeningLib.config import ScaleSpec, ScreeningConfig, WindowSpec
from PDACScreeningLib.errors import Cancelled, ModelError
from PDACScreeningLib.inference.sliding_window import _add_run, _NumpyWorkspace, _slab, scan
from PDACScreeningLib.inference.window_plan import plan_windows, window_starts
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.intensity import normalize

SMALL = ScaleSpec(patch_size=16, stride=5, batch_size=1, loss_weights=(1.0, 3.0))
EVERY_WINDOW = ScreeningConfig(body_threshold_hu=-2000.0)  # even air counts as body
PAPER = ScreeningConfig()


def scanned(hu, network, scale=SMALL, config=PAPER, on_progress=ignore_progress):
    return scan(hu, network, scale, config, stage="scan", on_progress=on_progress)


def tissue(shape, seed=0):
    return np.random.default_rng(seed).integers(-90, 230, shape, dtype=np.int16)


@pytest.mark.parametrize("shape", [(16, 16, 16), (20, 31, 18), (27, 16, 33)])
def test_mean_equals_a_naive_loop(shape):
    hu = tissue(shape)
    network = PlaceDependentNetwork(batch_size=3)
    total, count = np.zeros((2, *shape)), np.zeros(shape)
    for z in window_starts(shape[0], 16, 5):
        for y in window_starts(shape[1], 16, 5):
            for x in window_starts(shape[2], 16, 5):
                here = np.s_[z : z + 16, y : y + 16, x : x + 16]
                total[(slice(None), *here)] += network(normalize(hu[here], PAPER.intensity)[None])[0, 1:]
                count[here] += 1
    np.testing.assert_allclose(scanned(hu, network).foreground, total / count, atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "shape"),
    [
        (PAPER.scales[0], (64, 84, 97)),  # flush and not flush
        (PAPER.scales[1], (41, 32, 55)),
        (PAPER.scales[2], (16, 29, 37)),
        (PAPER.scales[2], (11, 30, 7)),  # shorter than the window: padded
    ],
)
def test_mean_equals_monai(scale, shape):
    torch = pytest.importorskip("torch")
    inferers = pytest.importorskip("monai.inferers")
    hu = tissue(shape, seed=1)
    network = PlaceDependentNetwork(batch_size=2)
    expected = inferers.sliding_window_inference(
        torch.from_numpy(normalize(hu, PAPER.intensity))[None, None],
        roi_size=(scale.patch_size,) * 3,
        sw_batch_size=2,
        predictor=lambda windows: torch.from_numpy(network(windows[:, 0].numpy())),
        overlap=1 - scale.stride / scale.patch_size,  # 11/16 at every scale of the paper, exact in binary
        mode="constant",
        cval=float(normalize(np.array(AIR_HU, np.int16), PAPER.intensity)),
    )
    np.testing.assert_allclose(scanned(hu, network, scale).foreground, expected[0, 1:].numpy(), atol=1e-6)


@given(batch_size=st.integers(1, 40))
def test_batch_size_changes_no_bit(batch_size):
    hu = tissue((17, 24, 29))
    one = scanned(hu, PlaceDependentNetwork(batch_size=1)).foreground
    many = scanned(hu, PlaceDependentNetwork(batch_size=batch_size)).foreground
    assert np.array_equal(one, many)


@pytest.mark.parametrize(
    "windows",
    [
        WindowSpec(16, 5),
        WindowSpec(16, 16),
        WindowSpec(16, 3),
        WindowSpec(32, 24, 4),
        WindowSpec(24, 8, 2),
        WindowSpec(32, 10),
    ],
)
@pytest.mark.parametrize("shape", [(24, 33, 79), (40, 18, 79)])
def test_the_sums_are_bit_by_bit_those_of_one_window_after_the_other(windows, shape):
    hu = tissue(shape, seed=3)
    hu[:, :20, 25:61] = AIR_HU  # windows are skipped, so that a row has gaps
    network = PlaceDependentNetwork(batch_size=7)
    plan = plan_windows(hu, SMALL, windows, PAPER)
    assert plan.skipped or windows.size > 16
    image = normalize(plan.slices(0, plan.axes[0].length), PAPER.intensity)
    sums, count = (np.zeros((channels, *image.shape), np.float32) for channels in (2, 1))
    for corner in plan.corners.tolist():
        size = zip(corner, plan.window_shape, strict=True)
        answer = network(image[tuple(slice(first, first + side) for first, side in size)][None])[0, 1:]
        here = [axis.counted(first) for axis, first in zip(plan.axes, corner, strict=True)]
        own = [slice(s.start - first, s.stop - first) for s, first in zip(here, corner, strict=True)]
        sums[(slice(None), *here)] += answer[(slice(None), *own)]
    for start in itertools.product(*(axis.starts for axis in plan.axes)):  # skipped ones vote too: background
        count[(slice(None), *(axis.counted(first) for axis, first in zip(plan.axes, start, strict=True)))] += 1
    own = tuple(slice(air, air + length) for air, length in zip(plan.padding, hu.shape, strict=True))
    found = scan(hu, network, SMALL, PAPER, stage="", on_progress=ignore_progress, windows=windows).foreground
    assert np.array_equal(found, (sums / count)[(slice(None), *own)])


@pytest.mark.parametrize("step", [3, 4, 9, 12])
def test_windows_that_are_wider_than_they_are_high_are_added_whole(step):
    rng = np.random.default_rng(0)
    answers = rng.normal(size=(3, 2, 5, 4, 9)).astype(np.float32)
    row = rng.normal(size=(2, 5, 4, 2 * step + 9)).astype(np.float32)
    expected = row.copy()
    for number, answer in enumerate(answers):
        expected[..., number * step : number * step + 9] += answer
    _add_run(row, answers, step, _NumpyWorkspace(PlaceDependentNetwork(batch_size=1)))
    assert np.array_equal(row, expected)


def test_volume_smaller_than_the_window_is_padded_with_air_on_both_sides():
    network = DecodingNetwork()
    result = scanned(np.zeros((10, 16, 13), np.int16), network)
    (window,) = network.windows
    air_value = normalize(np.array(AIR_HU, np.int16), PAPER.intensity)
    assert result.foreground.shape == (2, 10, 16, 13)
    assert np.argwhere(window != air_value).min(axis=0).tolist() == [3, 0, 1]
    assert np.argwhere(window != air_value).max(axis=0).tolist() == [12, 15, 13]


def test_windows_without_body_are_not_run_and_vote_background():
    hu = air((16, 16, 36))  # windows start at x = 0, 5, 10, 15, 20
    hu[:, :, :3] = 0  # only the first one reaches the body
    result = scanned(hu, ConstantNetwork(0.0, 0.25, 0.75))
    assert (result.windows, result.windows_skipped) == (1, 4)
    assert result.foreground[1, 8, 8].tolist() == (
        [0.75] * 5 + [np.float32(0.75 / 2)] * 5 + [np.float32(0.75 / 3)] * 5 + [np.float32(0.75 / 4)] + [0.0] * 20
    )


@given(seed=st.integers(0, 2**32 - 1))
def test_skipping_air_changes_no_body_voxel(seed):
    rng = np.random.default_rng(seed)
    hu = air((21, 26, 38))
    z, y, x = (int(rng.integers(0, length)) for length in hu.shape)
    hu[z : z + 6, y : y + 9, x : x + 5] = tissue(hu.shape, seed)[z : z + 6, y : y + 9, x : x + 5]
    body = hu > PAPER.body_threshold_hu
    network = PlaceDependentNetwork()
    skipping, running = scanned(hu, network), scanned(hu, network, config=EVERY_WINDOW)
    assert np.array_equal(skipping.foreground[:, body], running.foreground[:, body])
    assert skipping.windows + skipping.windows_skipped == running.windows
    assert running.windows_skipped == 0


def test_volume_of_air_runs_no_window_and_reports_nothing():
    reports = []
    result = scanned(air((16, 20, 20)), ConstantNetwork(0, 0, 1), on_progress=reports.append)
    assert (result.windows, result.windows_skipped) == (0, 4)
    assert not result.foreground.any()
    assert reports == []


def test_progress_is_reported_before_the_first_and_after_each_batch():
    reports = []
    scanned(tissue((16, 16, 31)), ConstantNetwork(1, 0, 0, batch_size=3), on_progress=reports.append)
    assert [(report.stage, report.done, report.total) for report in reports] == [
        ("scan", 0, 4),
        ("scan", 3, 4),
        ("scan", 4, 4),
    ]


def test_cancelling_stops_before_the_next_batch():
    network = DecodingNetwork(batch_size=1)

    def cancel_after_two(progress):
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        scanned(tissue((16, 16, 60)), network, on_progress=cancel_after_two)
    assert len(network.windows) == 2


def test_network_that_answers_nan_is_an_error_not_background():
    with pytest.raises(ModelError, match="NaN"):
        scanned(tissue((16, 16, 16)), ConstantNetwork(np.nan, np.nan, np.nan))


def test_network_that_answers_another_shape_is_refused():
    class TwoClasses(ConstantNetwork):
        def __call__(self, windows):
            return super().__call__(windows)[:, :2]

    with pytest.raises(ModelError, match=r"\(1, 2, 16, 16, 16\), expected \(1, 3, 16, 16, 16\)"):
        scanned(tissue((16, 16, 16)), TwoClasses(1, 0, 0))


def test_a_slab_ends_with_the_volume_and_not_with_its_padding():
    plan = plan_windows(np.zeros((10, 16, 16), np.int16), SMALL, WindowSpec(16, 5), EVERY_WINDOW)
    assert (plan.padding[0], plan.axes[0].length) == (3, 16)
    mean = np.arange(6, dtype=np.float32)[None, :, None, None] + np.zeros((2, 1, 16, 16), np.float32)
    slab = _slab(mean, 10, plan)  # slices 10 to 15 of the padded volume, which has 3 to 12 of the scan
    assert slab.z == slice(7, 10)
    assert slab.foreground[0, :, 0, 0].tolist() == [0.0, 1.0, 2.0]
