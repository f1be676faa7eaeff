"""Coarse-to-fine by pencil: networks without weights, so every voxel of the answer can be worked out."""

from dataclasses import replace

import numpy as np
import pytest
from fake_network import BODY_HU, ConstantNetwork, DecodingNetwork, air, coded, hounsfield
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from PDACScreeningLib.config import PAPER_SCALES, ScreeningConfig
from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.inference.coarse_to_fine import mean_tumor_probability, most_likely_labels, segment
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

PAPER = ScreeningConfig(working_spacing_mm=None)


def decoders():
    return {scale.patch_size: DecodingNetwork(batch_size=16) for scale in PAPER_SCALES}


def pancreas_with_tumor(shape=(70, 84, 96)):
    """A gland of 12 x 10 x 20 voxels with a tumor of 5 x 4 x 6 at its left end."""
    labels = np.zeros(shape, np.uint8)
    labels[34:46, 36:46, 36:56] = Label.PANCREAS
    labels[36:41, 38:42, 52:58] = Label.TUMOR
    return labels


def test_known_label_map_comes_back_voxel_by_voxel():
    labels = pancreas_with_tumor()
    result = segment(coded(labels), decoders(), PAPER)
    assert np.array_equal(result.labels, labels)
    assert [scale.patch_size for scale in result.scales] == [64, 32, 16]
    for scale in result.scales:
        assert np.array_equal(scale.labels, labels[result.roi.slices])
        assert scale.mean_tumor_probability == pytest.approx(0.9)


def test_roi_is_the_box_of_pancreas_and_tumor_padded_by_32_and_clipped():
    result = segment(coded(pancreas_with_tumor()), decoders(), PAPER)
    assert result.coarse_box == Box((34, 36, 36), (46, 46, 58))
    assert result.roi == Box((2, 4, 4), (70, 78, 90))
    assert result.tumor_probability.shape == result.roi.shape


def test_what_the_component_filter_removes_can_still_be_looked_at():
    labels = pancreas_with_tumor()
    labels[40, 40, 20] = Label.TUMOR  # a speck in the ROI, far from the gland
    result = segment(coded(labels), decoders(), PAPER)
    assert np.array_equal(result.unfiltered_labels, labels[result.roi.slices])
    assert result.labels[40, 40, 20] == Label.BACKGROUND


def test_a_region_given_is_scanned_instead_of_the_roi():
    networks, whole = decoders(), Box((0, 0, 0), (70, 84, 96))
    result = segment(coded(pancreas_with_tumor()), networks, PAPER, region=whole)
    assert result.roi == whole
    assert result.coarse_box == Box((34, 36, 36), (46, 46, 58))
    assert np.array_equal(result.labels, pancreas_with_tumor())
    # ceil((70 - 32) / 10) + 1 = 5, ceil((84 - 32) / 10) + 1 = 7, ceil((96 - 32) / 10) + 1 = 8 windows along z, y, x
    assert len(networks[32].windows) == 5 * 7 * 8


def test_far_speck_of_the_coarse_scan_widens_the_roi_though_the_filter_removes_it():
    labels = pancreas_with_tumor()
    labels[0, 0, 0] = Label.TUMOR
    result = segment(coded(labels), decoders(), PAPER)
    assert result.roi.start == (0, 0, 0)
    assert result.labels[0, 0, 0] == Label.BACKGROUND
    assert np.array_equal(result.labels, pancreas_with_tumor())


def test_fine_networks_never_see_a_voxel_outside_the_roi():
    ct = coded(pancreas_with_tumor((100, 110, 120)))
    roi = Box((34, 36, 36), (46, 46, 58)).padded(32, ct.geometry.shape)
    outside = np.ones(ct.hu.shape, bool)
    outside[roi.slices] = False
    ct.hu[outside] = -60  # body too, but marked
    networks = decoders()
    result = segment(ct, networks, PAPER)
    assert result.roi == roi
    assert hounsfield(np.array(networks[64].windows)).min() == pytest.approx(-60)
    for size in (32, 16):
        assert hounsfield(np.array(networks[size].windows)).min() == pytest.approx(BODY_HU, abs=1e-3)


def test_prediction_is_the_mean_of_the_three_softmax_maps():
    networks = {
        64: ConstantNetwork(0.1, 0.8, 0.1),  # alone: pancreas
        32: ConstantNetwork(0.2, 0.1, 0.7),  # alone: tumor
        16: ConstantNetwork(0.5, 0.1, 0.4),  # alone: background
    }
    result = segment(coded(np.zeros((20, 24, 28), np.uint8)), networks, PAPER)
    # means: background 0.8 / 3, pancreas 1.0 / 3, tumor 1.2 / 3
    assert (result.labels == Label.TUMOR).all()
    np.testing.assert_allclose(result.tumor_probability, 0.4, atol=1e-6)
    assert [np.unique(scale.labels).tolist() for scale in result.scales] == [[1], [2], [0]]
    means = [scale.mean_tumor_probability for scale in result.scales]
    assert means == [None, pytest.approx(0.7), None]


def test_tumor_the_coarse_network_misses_is_found_by_the_fine_ones():
    networks = {
        64: ConstantNetwork(0.3, 0.4, 0.3),
        32: ConstantNetwork(0.1, 0.2, 0.7),
        16: ConstantNetwork(0.1, 0.2, 0.7),
    }
    result = segment(coded(np.zeros((16, 16, 16), np.uint8)), networks, PAPER)
    assert (result.scales[0].labels == Label.PANCREAS).all()
    assert (result.labels == Label.TUMOR).all()


def test_coarse_scan_that_finds_nothing_ends_there():
    networks = decoders()
    assert segment(coded(np.zeros((70, 70, 70), np.uint8)), networks, PAPER) is None
    assert networks[64].windows
    assert not networks[32].windows
    assert not networks[16].windows


def test_volume_of_air_asks_no_network():
    networks = decoders()
    assert segment(CTVolume(air((70, 66, 64)), Geometry((70, 66, 64), (1.0, 1.0, 1.0))), networks, PAPER) is None
    assert not networks[64].windows


def test_roi_smaller_than_a_window_is_padded_with_air():
    labels = np.zeros((64, 64, 64), np.uint8)
    labels[30:35, 30:36, 30:37] = Label.TUMOR
    networks = decoders()
    result = segment(coded(labels), networks, replace(PAPER, roi_margin_voxels=0))
    assert result.roi.shape == (5, 6, 7)
    assert np.array_equal(result.labels, labels)
    for size in (32, 16):
        (window,) = networks[size].windows
        clipped_air = max(AIR_HU, PAPER.intensity.lower_hu)
        assert hounsfield(window)[0, 0, 0] == pytest.approx(clipped_air)


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_scales_work_the_same_way(count):
    labels = pancreas_with_tumor()
    result = segment(coded(labels), decoders(), replace(PAPER, scales=PAPER_SCALES[:count]))
    assert len(result.scales) == count
    assert np.array_equal(result.labels, labels)


def test_windows_run_and_skipped_are_counted_per_scale():
    ct = coded(pancreas_with_tumor((64, 64, 104)))  # coarse windows start at x = 0, 20, 40
    ct.hu[..., 64:] = AIR_HU
    result = segment(ct, decoders(), PAPER)
    assert (result.scales[0].windows, result.scales[0].windows_skipped) == (3, 0)
    ct.hu[..., :] = np.where(np.arange(104) < 60, ct.hu, AIR_HU)
    ct.hu[..., 40:60] = AIR_HU  # only the first 40 columns hold body: the window at 40 has none
    result = segment(ct, decoders(), PAPER)
    assert (result.scales[0].windows, result.scales[0].windows_skipped) == (2, 1)


def test_stages_are_named_and_each_ends_complete():
    reports = []
    segment(coded(pancreas_with_tumor()), decoders(), PAPER, reports.append)
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert stages == ["coarse scan (64^3)", "fine scan (32^3)", "fine scan (16^3)"]
    for stage in stages:
        done = [report.done for report in reports if report.stage == stage]
        total = {report.total for report in reports if report.stage == stage}
        assert done == sorted(done)
        assert done[0] == 0
        assert total == {done[-1]}


def test_cancelling_in_a_fine_scan_passes_through():
    networks = decoders()

    def cancel(progress):
        if progress.stage == "fine scan (32^3)" and progress.done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment(coded(pancreas_with_tumor()), networks, PAPER, cancel)
    assert len(networks[32].windows) == 16  # one batch
    assert not networks[16].windows


def test_lowest_label_wins_a_tie():
    foreground = np.array([[[[0.5, 0.25, 0.5, 0.25]]], [[[0.0, 0.25, 0.5, 0.5]]]], np.float32)
    # background:             0.5  0.5   0.0  0.25
    assert most_likely_labels(foreground).tolist() == [[[0, 0, 1, 2]]]


@given(hnp.arrays(np.int64, (3, 2, 3, 4), elements=st.integers(1, 8)))
def test_labels_are_the_argmax_of_the_three_classes(weights):
    weights[0] = 16 - weights[1] - weights[2]  # sixteenths are exact in binary, so ties are ties
    probabilities = (weights / 16).astype(np.float32)
    assert np.array_equal(most_likely_labels(probabilities[1:]), weights.argmax(axis=0))


def test_mean_tumor_probability_is_over_tumor_voxels_only():
    labels = np.array([[[0, 1, 2, 2]]], np.uint8)
    probability = np.array([[[0.1, 0.3, 0.5, 0.7]]], np.float32)
    assert mean_tumor_probability(labels, probability) == pytest.approx(0.6)
    assert mean_tumor_probability(np.zeros_like(labels), probability) is None
