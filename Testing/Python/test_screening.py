"""Eq. 1 from CT to answer, with networks that read the label map written into the volume."""

from dataclasses import replace

import numpy as np
import pytest
from fake_network import ConstantNetwork, DecodingNetwork, air, coded

from PDACScreeningLib.config import PAPER_SCALES, ScreeningConfig, WindowSpec
from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.screening_json import from_json, to_json
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

LITERAL = ScreeningConfig(working_spacing_mm=None)
GEOMETRY = Geometry((110, 100, 100), (1.0, 1.0, 1.0), origin_mm=(-50.0, 20.0, 300.0))


def decoders():
    return {scale.patch_size: DecodingNetwork(batch_size=16) for scale in PAPER_SCALES}


def constant(**probabilities):
    return {scale.patch_size: ConstantNetwork(**probabilities) for scale in PAPER_SCALES}


def gland(tumor_size=(5, 5, 5)):
    """A gland of 30 x 30 x 30 voxels (27 mL) around a tumor."""
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[40:70, 35:65, 35:65] = Label.PANCREAS
    labels[tuple(slice(50, 50 + length) for length in tumor_size)] = Label.TUMOR
    return labels


def test_suspicious_scan_by_pencil():
    screened = screen(coded(gland(), GEOMETRY), decoders(), LITERAL)
    answer = screened.screening
    assert answer.outcome is Outcome.SUSPICIOUS
    assert answer.reason.startswith("0.12 mL (125 voxels) segmented as tumor")
    assert (answer.tumor_voxels, answer.pancreas_voxels) == (125, 27_000 - 125)
    assert answer.tumor_volume_mm3 == pytest.approx(125.0)
    assert answer.mean_tumor_probability == pytest.approx(0.9)
    assert answer.score == pytest.approx(0.5 * 125 / (125 + 50) + 0.5 * 0.9)
    assert answer.warnings == ()
    (finding,) = answer.findings
    assert finding.centroid_lps_mm == pytest.approx((52.0 - 50.0, 52.0 + 20.0, 52.0 + 300.0))
    assert [(scale.patch_size, scale.tumor_voxels, scale.pancreas_voxels) for scale in answer.scales] == [
        (64, 125, 26_875),
        (32, 125, 26_875),
        (16, 125, 26_875),
    ]
    assert np.array_equal(screened.label_map.labels, gland())
    assert screened.label_map.geometry == GEOMETRY


def test_protocol_carries_the_numbers_in_force():
    protocol = screen(coded(gland(), GEOMETRY), decoders(), LITERAL).screening.protocol
    assert protocol.name == "exact"
    assert protocol.windows == (WindowSpec(64, 20), WindowSpec(32, 10), WindowSpec(16, 5))
    assert (protocol.working_spacing_mm, protocol.working_spacing_mm_xyz) == (None, (1.0, 1.0, 1.0))
    assert (protocol.roi_margin_voxels, protocol.components.min_fraction) == (32, 0.2)
    assert (protocol.decision.min_tumor_voxels, protocol.min_tumor_volume_mm3) == (50, 50.0)
    assert protocol.score.count_weight == 0.5


def test_fast_protocol_names_its_own_windows_and_finds_the_same():
    ct = coded(gland((7, 7, 7)), GEOMETRY)
    exact, fast = (screen(ct, decoders(), LITERAL, protocol=name) for name in ("exact", "fast"))
    protocol = fast.screening.protocol
    assert protocol.name == "fast"
    assert protocol.windows == (WindowSpec(128, 96, 16), WindowSpec(32, 16), WindowSpec(16, 8))
    assert np.array_equal(fast.label_map.labels, exact.label_map.labels)
    assert fast.screening.outcome == exact.screening.outcome
    assert all(
        few.windows < many.windows for few, many in zip(fast.screening.scales, exact.screening.scales, strict=True)
    )


@pytest.mark.parametrize(
    ("tumor_size", "outcome", "windows"),
    [
        ((1, 7, 7), Outcome.NOT_SUSPICIOUS, "exact"),  # 49 voxels
        ((1, 3, 17), Outcome.SUSPICIOUS, "exact"),  # 51
        ((3, 4, 20), Outcome.SUSPICIOUS, "exact"),  # 240
        ((5, 5, 10), Outcome.SUSPICIOUS, "fast"),  # 250, five times K
        ((0, 0, 0), Outcome.NOT_SUSPICIOUS, "fast"),
    ],
)
def test_a_close_call_of_the_fast_protocol_is_decided_by_every_window(tumor_size, outcome, windows):
    ct, stages = coded(gland(tumor_size), GEOMETRY), []
    answer = screen(ct, decoders(), LITERAL, lambda p: stages.append(p.stage), protocol="fast").screening
    assert (answer.outcome, answer.protocol.name) == (outcome, windows)
    is_close = windows == "exact"
    assert any("every window was run" in warning for warning in answer.warnings) == is_close
    assert ("coarse scan (64^3), every window" in stages) == is_close
    assert ("coarse scan (64^3), every window" in answer.timings_s) == is_close
    expected = screen(ct, decoders(), LITERAL, protocol=windows).screening
    assert (answer.score, answer.tumor_voxels, answer.scales) == (
        expected.score,
        expected.tumor_voxels,
        expected.scales,
    )


class BlindInLargeWindows(DecodingNetwork):
    """Says background in windows larger than the 64^3 it was trained with."""

    def __call__(self, windows):
        if windows.shape[1:] == (64, 64, 64):
            return super().__call__(windows)
        return ConstantNetwork(background=1.0, pancreas=0.0, tumor=0.0)(windows)


class SeesTumorEverywhere(DecodingNetwork):
    """Calls the whole gland tumor; with small windows only, as when a dense look finds nothing."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes

    def __call__(self, windows):
        answers = super().__call__(windows)
        if windows.shape[-1] in self.sizes:
            gland = answers[:, Label.PANCREAS] > 0.5
            answers[:, Label.TUMOR][gland], answers[:, Label.PANCREAS][gland] = 0.9, 0.05
        return answers


def test_no_tumor_where_a_single_network_holds_k_voxels_is_a_close_call():
    ct = coded(gland((0, 0, 0)), GEOMETRY)
    answer = screen(ct, decoders() | {16: SeesTumorEverywhere({16})}, LITERAL, protocol="fast").screening
    assert (answer.tumor_voxels, answer.protocol.name) == (0, "exact")
    assert answer.scales[2].tumor_voxels >= 50


def test_tumor_that_fell_to_the_component_filter_is_a_close_call():
    labels = gland((0, 0, 0))
    labels[10, 10, 10:13] = Label.TUMOR  # within the margin of the ROI, apart from the gland
    answer = screen(coded(labels, GEOMETRY), decoders(), LITERAL, protocol="fast").screening
    assert (answer.tumor_voxels, answer.removed_tumor_voxels, answer.protocol.name) == (0, 3, "exact")


def test_a_pancreas_that_only_every_window_shows_is_found_by_the_fast_protocol_too():
    networks = decoders() | {64: BlindInLargeWindows()}
    answer = screen(coded(gland(), GEOMETRY), networks, LITERAL, protocol="fast").screening
    assert (answer.outcome, answer.protocol.name) == (Outcome.SUSPICIOUS, "exact")
    assert any("The fast protocol found no pancreas, or no tumor" in warning for warning in answer.warnings)


def test_tumor_of_49_voxels_is_not_suspicious_but_stays_a_finding():
    answer = screen(coded(gland((1, 7, 7)), GEOMETRY), decoders(), LITERAL).screening
    assert answer.outcome is Outcome.NOT_SUSPICIOUS
    assert answer.tumor_voxels == 49
    assert answer.score == pytest.approx(0.25 * 0.05)  # the 50th-largest probability of the gland is no tumor's
    assert len(answer.findings) == 1


def test_gland_without_tumor_is_not_suspicious_and_scores_by_what_the_networks_held_possible():
    answer = screen(coded(gland((0, 0, 0)), GEOMETRY), decoders(), LITERAL).screening
    assert (answer.outcome, answer.tumor_voxels) == (Outcome.NOT_SUSPICIOUS, 0)
    assert answer.score == pytest.approx(0.25 * 0.05)
    assert answer.mean_tumor_probability is None
    assert answer.findings == ()


def test_tumor_probability_is_the_mean_map_in_the_roi_and_zero_outside():
    shape = (60, 120, 130)
    labels = np.zeros(shape, np.uint8)
    labels[20:40, 10:20, 10:20] = Label.PANCREAS
    screened = screen(coded(labels), decoders(), LITERAL)
    expected = np.zeros(shape, np.float32)
    expected[:, :52, :52] = 0.05  # the box and 32 voxels around it, clipped; one_hot leaves 0.05 for tumor
    np.testing.assert_allclose(screened.tumor_probability, expected, atol=1e-6)
    assert screened.tumor_probability.dtype == np.float32


def test_nothing_found_is_indeterminate_and_says_that_it_is_not_normal():
    screened = screen(coded(np.zeros((70, 70, 70), np.uint8)), decoders(), LITERAL)
    assert screened.screening.outcome is Outcome.INDETERMINATE
    assert screened.screening.reason.startswith("The coarse scan found no pancreas")
    assert "not a normal result" in screened.screening.reason
    assert screened.screening.score is None
    assert screened.label_map is None
    assert screened.tumor_probability is None
    assert screened.segmentation is None
    assert screened.screening.protocol is not None
    assert "coarse scan (64^3)" in screened.screening.timings_s


def test_volume_without_body_is_indeterminate():
    screened = screen(CTVolume(air((70, 66, 64)), Geometry((70, 66, 64), (1.0, 1.0, 1.0))), decoders(), LITERAL)
    assert screened.screening.outcome is Outcome.INDETERMINATE
    assert screened.screening.reason.startswith("The scan holds no body: no voxel is above -500 HU")


def test_pancreas_that_the_fine_networks_deny_is_indeterminate():
    networks = constant(background=0.9, pancreas=0.1, tumor=0.0)
    networks[64] = ConstantNetwork(0.4, 0.6, 0.0)
    answer = screen(coded(np.zeros((20, 20, 20), np.uint8)), networks, LITERAL).screening
    assert answer.outcome is Outcome.INDETERMINATE
    assert "the networks together did not confirm it" in answer.reason


def test_coarser_working_grid_answers_on_the_scans_own_grid():
    geometry = Geometry((60, 150, 140), (0.75, 0.75, 2.0), origin_mm=(-40.0, -60.0, 11.0))
    labels = np.zeros(geometry.shape, np.uint8)
    labels[20:40, 50:90, 50:100] = Label.PANCREAS  # 40 x 30 x 37.5 mm
    labels[25:35, 60:80, 60:80] = Label.TUMOR  # 20 x 15 x 15 mm
    screened = screen(coded(labels, geometry), decoders(), ScreeningConfig(working_spacing_mm=1.5))
    assert screened.label_map.geometry == geometry
    assert screened.tumor_probability.shape == geometry.shape
    for label in (Label.PANCREAS, Label.TUMOR):
        ours, true = screened.label_map.labels == label, labels == label
        assert 2 * (ours & true).sum() / (ours.sum() + true.sum()) > 0.85
    assert screened.screening.tumor_volume_mm3 == pytest.approx(20 * 15 * 15, rel=0.15)
    (finding,) = screened.screening.findings
    center = geometry.index_to_world((29.5, 69.5, 69.5))
    assert finding.centroid_lps_mm == pytest.approx(tuple(center), abs=0.75)
    assert screened.screening.protocol.working_spacing_mm_xyz == (1.5, 1.5, 1.5)
    assert screened.screening.protocol.min_tumor_volume_mm3 == pytest.approx(50 * 1.5**3)


def test_answer_survives_json():
    answer = screen(coded(gland(), GEOMETRY), decoders(), LITERAL).screening
    assert from_json(to_json(answer)) == answer


def test_same_scan_gives_the_same_bytes_for_any_batch_size():
    ct = coded(gland(), GEOMETRY)
    one = screen(ct, {scale.patch_size: DecodingNetwork(batch_size=1) for scale in LITERAL.scales}, LITERAL)
    many = screen(ct, {scale.patch_size: DecodingNetwork(batch_size=37) for scale in LITERAL.scales}, LITERAL)
    assert np.array_equal(one.tumor_probability, many.tumor_probability)
    assert replace(one.screening, timings_s={}) == replace(many.screening, timings_s={})


def test_every_stage_is_reported_and_timed():
    reports = []
    answer = screen(coded(gland(), GEOMETRY), decoders(), LITERAL, reports.append).screening
    stages = list(dict.fromkeys(report.stage for report in reports))
    scans = ["coarse scan (64^3)", "fine scan (32^3)", "fine scan (16^3)"]
    assert stages == ["working grid", *scans, "findings", "scan's own grid"]
    assert list(answer.timings_s) == stages
    assert min(answer.timings_s.values()) >= 0


@pytest.mark.parametrize(
    "stage", ["working grid", "coarse scan (64^3)", "fine scan (16^3)", "findings", "scan's own grid"]
)
def test_cancelling_in_any_stage_passes_through(stage):
    def cancel(progress):
        if progress.stage == stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        screen(coded(gland(), GEOMETRY), decoders(), LITERAL, cancel)


def test_missing_network_is_the_callers_mistake():
    networks = decoders()
    del networks[32]
    with pytest.raises(ValueError, match=r"not there: 32\^3"):
        screen(coded(gland(), GEOMETRY), networks, LITERAL)
