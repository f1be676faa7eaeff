"""Numbers of the method at their limits, by pencil: where an error of one would go unnoticed elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_network import DecodingNetwork, coded
from sample_screenings import PROTOCOL
from scipy import special

from PDACScreeningLib.config import (
    PAPER_SCALES,
    DecisionRule,
    OptimizerSpec,
    PatchSampling,
    ScoreWeights,
    ScreeningConfig,
    WindowSpec,
)
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.inference.assessment import NO_GLAND, doubts, left_out_warning, reaches_border
from PDACScreeningLib.inference.coarse_to_fine import (
    is_near_the_rule,
    segment,
    tumor_evidence,
    windows_of,
)
from PDACScreeningLib.inference.combination import combined, summand
from PDACScreeningLib.inference.findings import _possible_corners, longest_diameter_mm
from PDACScreeningLib.inference.judgment import LEFT_OUT_SHOWN, confidence_score, explain, judge, region_score
from PDACScreeningLib.inference.window_plan import plan_windows
from PDACScreeningLib.network.runtime import Runtime, resolve_device, resolve_training_device
from PDACScreeningLib.network.weights_file import read_weights, write_weights
from PDACScreeningLib.scan_files.slice_distances import _longest_run, find_places
from PDACScreeningLib.scan_files.slice_stack import stack_slices
from PDACScreeningLib.training.patch_sampling import PatchType, _corner_inside, patch_type
from PDACScreeningLib.training.trainer import learning_rate
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

PAPER = ScreeningConfig(working_spacing_mm=None)
UPRIGHT = np.eye(3)


def gland(tumor=0, shape=(64, 64, 64)):
    """A gland of 30 x 30 x 20 voxels in the middle, so many of its first voxels tumor."""
    labels = np.zeros(shape, np.uint8)
    part = labels[17:47, 17:47, 22:42]
    part[:] = Label.PANCREAS
    for number in range(tumor):
        part[number // 400, number // 20 % 20, number % 20] = Label.TUMOR
    return labels


def decoders():
    return {scale.patch_size: DecodingNetwork(batch_size=16) for scale in PAPER_SCALES}


def test_a_probability_of_zero_counts_as_one_millionth_in_the_mean_of_logarithms():
    zero = np.zeros((2, 1, 1, 1), np.float32)
    assert summand(zero, "log_mean").ravel() == pytest.approx(np.log([1e-6, 1e-6]), rel=1e-6)
    sure = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    assert summand(sure, "log_mean").ravel() == pytest.approx([0.0, -np.log(1e-6)], abs=1e-4)


def test_the_mean_of_logarithms_is_made_for_each_voxel_of_a_volume():
    classes = special.softmax(np.random.default_rng(0).normal(size=(3, 3, 2, 4, 5)), axis=1)  # networks, classes
    total = sum(summand(one[1:].astype(np.float32), "log_mean") for one in classes)
    expected = special.softmax(np.log(classes).mean(axis=0), axis=0)
    assert combined(total / 3, "log_mean") == pytest.approx(expected[1:], rel=1e-4)


@pytest.mark.parametrize(("tumor", "again"), [(0, None), (1, 1), (249, 249), (250, None)])
def test_the_voxels_of_a_close_call_are_told_and_a_gland_without_tumor_is_none(tumor, again):
    answer = segment(coded(gland(tumor)), decoders(), PAPER, protocol="fast")
    assert (answer.close_call_voxels, answer.protocol) == (again, "fast" if again is None else "exact")
    assert np.count_nonzero(answer.labels == Label.TUMOR) == tumor


def test_what_cannot_be_held_against_the_count_of_the_rule_is_decided_in_full():
    far = segment(coded(gland(500)), decoders(), PAPER)
    assert is_near_the_rule(None, PAPER)
    assert not is_near_the_rule(far, PAPER)
    assert is_near_the_rule(far, replace(PAPER, decision=DecisionRule(min_score=0.5)))


def test_fast_windows_of_the_three_networks():
    large, *small = PAPER_SCALES
    assert windows_of(large, PAPER, "fast") == WindowSpec(128, 96, 16)
    assert [windows_of(scale, PAPER, "fast") for scale in small] == [WindowSpec(32, 16), WindowSpec(16, 8)]
    assert windows_of(large, PAPER, "exact") == WindowSpec.of_paper(large)


def test_the_evidence_is_the_k_th_largest_and_nothing_with_fewer():
    probabilities = np.random.default_rng(0).permutation(np.arange(1, 121)).astype(np.float32)
    assert tumor_evidence(probabilities, DecisionRule(50)) == 71
    assert tumor_evidence(probabilities[:50], DecisionRule(50)) == probabilities[:50].min()
    assert tumor_evidence(probabilities[:49], DecisionRule(50)) == 0


@pytest.mark.parametrize(("first", "last", "cut"), [(1, 0, True), (2, 0, False), (0, 1, True), (0, 2, False)])
@pytest.mark.parametrize("air", [1, 5])
def test_a_gland_one_slice_from_the_end_of_the_body_may_be_cut_and_one_two_slices_away_is_not(first, last, cut, air):
    """Slices of air below (first) or above (last) the body, in which few voxels are tissue."""
    hu = np.full((40, 9, 9), AIR_HU, np.int16)
    below, above = (air, 0) if first else (0, air)
    hu[below : 40 - above, 4, 4] = 50
    labels = np.zeros(hu.shape, np.uint8)
    labels[below + first if first else 12 : 40 - above - last if last else 28, 4, 4] = Label.PANCREAS
    assert reaches_border(labels, hu) == cut


def test_as_much_tumor_as_pancreas_is_a_gland():
    options = {"removed_tumor_voxels": 0, "reaches_border": False}
    assert NO_GLAND not in doubts(PROTOCOL, pancreas_voxels=60, tumor_voxels=60, **options)
    assert NO_GLAND in doubts(PROTOCOL, pancreas_voxels=0, tumor_voxels=0, **options)


def test_k_removed_voxels_stand_against_a_negative_and_their_volume_is_that_of_the_grid():
    options = {"pancreas_voxels": 10**5, "tumor_voxels": 0, "reaches_border": False}
    needed = PROTOCOL.decision.min_tumor_voxels
    words = left_out_warning(PROTOCOL, needed)
    assert doubts(PROTOCOL, removed_tumor_voxels=needed, **options) == (words,)
    assert doubts(PROTOCOL, removed_tumor_voxels=needed - 1, **options) == ()
    assert "0.50 mL (50 voxels)" in words  # of 2 x 2 x 2.5 mm


def test_five_regions_that_were_left_out_are_listed_and_all_are_counted():
    labels = gland(shape=(64, 64, 64))
    for number in range(7):
        labels[2, 2, 3 * number : 3 * number + 2] = Label.TUMOR
    ct = CTVolume(np.zeros(labels.shape, np.int16), Geometry(labels.shape, (2.0, 2.0, 2.5)))
    judgment = judge(labels, np.full(labels.shape, 0.5, np.float32), ct, PROTOCOL)
    assert len([finding for finding in judgment.findings if finding.left_out]) == LEFT_OUT_SHOWN == 5
    assert judgment.removed_tumor_voxels == 14
    assert judgment.pancreas_volume_mm3 == 18000 * 10.0


def test_the_score_and_its_sentence_by_pencil():
    rule, weights = DecisionRule(50), ScoreWeights(0.4)
    assert region_score(150, 0.5, rule, weights) == pytest.approx(0.4 * 150 / 200 + 0.6 * 0.5)
    assert confidence_score(10, 0.9, 0.5, rule, weights) == pytest.approx(0.4 / 2 * 0.5)
    assert region_score(1, 0.5, rule, weights) == pytest.approx(0.4 / 51 + 0.3)
    for voxels, mean in ((0, 0.5), (1, None)):
        with pytest.raises(ValueError, match="cannot have the mean"):
            region_score(voxels, mean, rule, weights)
    assert "0.78 mL (50 voxels) or more are called" in explain(60, rule, 15.625)
    assert "a score of 0.700 or more" in explain(60, DecisionRule(50, min_score=0.7), 15.625, 0.5)


@pytest.mark.parametrize("spacing_mm", [(10.0, 1.0, 1.0), (1.0, 10.0, 1.0), (1.0, 1.0, 10.0)])
def test_a_voxel_measures_its_longest_edge_along_every_axis(spacing_mm):
    assert longest_diameter_mm(np.ones((1, 1, 1), bool), Geometry((1, 1, 1), spacing_mm)) == pytest.approx(
        10, rel=1e-12
    )


def test_a_long_region_with_many_corners_is_measured_from_end_to_end():
    z, y, x = np.ogrid[-60:61, -30:31, -30:31]
    region = (z / 60) ** 2 + (y / 30) ** 2 + (x / 30) ** 2 <= 1
    assert longest_diameter_mm(region, Geometry(region.shape, (1.0, 1.0, 1.0))) == pytest.approx(121)


@pytest.mark.parametrize("shape", [(3, 4, 5), (6, 3, 3)])
def test_of_a_box_only_the_eight_corners_remain(shape):
    assert len(_possible_corners(np.ones(shape, bool))) == 8


def test_a_window_whose_own_voxels_begin_behind_the_body_is_not_run():
    """150 slices padded by one: the first of two windows decides 79 of them, the second begins at the 72nd."""
    for z, windows in ((0, [0]), (78, [0, 56]), (79, [56]), (149, [56])):
        hu = np.full((150, 64, 64), AIR_HU, np.int16)
        hu[z, 30, 30] = 100
        plan = plan_windows(hu, PAPER_SCALES[0], WindowSpec(128, 96, 16), PAPER)
        assert (plan.axes[0].size, plan.padding[0]) == (96, 1)
        assert plan.corners[:, 0].tolist() == windows


def test_windows_at_once_and_the_ceiling_of_memory():
    assert [Runtime(device, "fp32").batch_voxels(64) for device in ("cpu", "cuda", "mps")] == [
        64**3,
        8 * 64**3,
        8 * 64**3,
    ]
    assert Runtime("cuda", "fp32", memory_gib=0.5).batch_voxels(64) == int(0.5 * 2**30 / (7 * 64 * 4))
    assert Runtime("cuda", "bf16", memory_gib=0.5).batch_voxels(64) == int(0.5 * 2**30 / (7 * 64 * 2))
    assert Runtime("cuda", "fp32", memory_gib=1).on_processors() == Runtime("cpu", "fp32")
    for memory_gib in (0, -1):
        with pytest.raises(ValueError, match="must be positive"):
            Runtime("cpu", "fp32", memory_gib=memory_gib)


def test_a_gpu_is_held_to_its_ceiling_and_a_precision_that_was_asked_for_is_kept(monkeypatch):
    held = []
    facts = type("Facts", (), {"total_memory": 8 * 2**30})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: facts)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", held.append)
    assert resolve_device("auto", memory_gib=2) == Runtime("cuda", "fp32", 2)
    assert resolve_device("cuda", "fp16", memory_gib=20) == Runtime("cuda", "fp16", 20)
    assert resolve_device("cuda") == Runtime("cuda", "fp32")
    assert resolve_device("cpu", "fp32", memory_gib=2) == Runtime("cpu", "fp32", 2)
    assert held == [0.25, 1.0]
    assert resolve_training_device("cuda") == Runtime("cuda", "fp16")
    assert resolve_training_device("cuda", "fp32") == Runtime("cuda", "fp32")


@pytest.mark.parametrize("capability", ["avx512_bf16", "amx_bf16"])
def test_either_kind_of_bf16_of_a_processor_will_do(monkeypatch, capability):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True})
    assert resolve_device("cpu") == Runtime("cpu", "bf16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert resolve_device("cpu") == Runtime("cpu", "fp32")


def test_weights_of_eight_dimensions_and_of_no_length_are_read(tmp_path):
    tensors = {"deep": torch.ones(1, 2, 1, 2, 1, 1, 1, 3), "none": torch.zeros(0, 3), "one": torch.tensor(5.0)}
    found = read_weights(write_weights(tensors, tmp_path / "weights"))
    assert {name: tensor.shape for name, tensor in found.items()} == {n: tensor.shape for n, tensor in tensors.items()}


def places(along, sideways=0.0):
    """Slices at heights, shifted to the side by turns."""
    aside = [sideways * (number % 2) for number in range(len(along))]
    position = np.column_stack([aside, np.zeros(len(along)), along]).astype(float)
    return find_places(position, UPRIGHT, 1.0, [str(number) for number in range(len(along))])


def test_positions_rounded_sideways_are_straight_and_regular():
    for along in (2.5 * np.arange(20), [*2.5 * np.arange(10), *(22.5 + 5.0 * np.arange(1, 10))]):
        found = places(along, sideways=0.04)
        assert found.tilt_degrees == 0.0
        assert not found.sideways_mm.any()
    assert not found.is_regular
    assert not found.is_even
    assert places(2.5 * np.arange(20)).is_regular


@pytest.mark.parametrize("distance_mm", [0.6, 1.0])
def test_a_slice_may_lie_a_rounded_tenth_of_a_millimeter_off_and_no_more(distance_mm):
    along = distance_mm * np.arange(20)
    along[7] += 0.099
    assert places(along).is_even
    along[7] += 0.05
    with pytest.raises(InputRejected, match="again and again"):
        places(along)


def test_runs_are_counted_from_their_own_beginning():
    assert _longest_run(np.array([1, 1, 1, 0, 1, 1, 1, 0, 1], bool)) == 3
    assert _longest_run(np.array([0, 1, 1, 1, 1], bool)) == 4
    assert _longest_run(np.zeros(3, bool)) == 0


@pytest.mark.parametrize(("thickness_mm", "warned"), [(None, False), (0.0, False), (0.6, True), (2.9, False)])
def test_thin_slices_far_apart_are_told_and_no_thickness_is_no_thin_one(tmp_path, thickness_mm, warned):
    stack = stack_slices(headers(tmp_path, SliceThickness=thickness_mm), lambda _one, _other: True)
    assert any("what is between them was not measured" in warning for warning in stack.warnings) == warned


def headers(folder, **changes):
    from dicom_slices import body_slices, write_series

    from PDACScreeningLib.scan_files.dicom_file import read_slices

    return [read_slices(path)[0] for path in sorted(write_series(folder, body_slices(**changes)).iterdir())]


def test_directions_that_are_too_long_or_not_at_right_angles_are_refused(tmp_path):
    for number, directions in enumerate(([1.1, 0, 0, 0, 1, 0], [1, 0, 0, 0.1, 0.99499, 0])):
        wrong = headers(tmp_path / str(number), ImageOrientationPatient=directions)
        with pytest.raises(Exception, match="impossible row and column directions"):
            stack_slices(wrong, lambda _one, _other: True)


def test_the_type_of_a_patch_begins_at_its_fraction_and_never_below_one_voxel():
    rule = PatchSampling(min_tumor_fraction=0.25, min_pancreas_fraction=0.5)
    assert [patch_type(0, n, 8, rule) for n in (1, 2)] == [PatchType.BACKGROUND, PatchType.TUMOR]
    assert [patch_type(n, 0, 8, rule) for n in (3, 4)] == [PatchType.BACKGROUND, PatchType.PANCREAS]
    assert (patch_type(1, 0, 1, rule), patch_type(0, 1, 1, rule)) == (PatchType.PANCREAS, PatchType.TUMOR)


def test_a_patch_reaches_both_ends_of_a_box_and_is_centered_where_it_is_longer():
    rng = np.random.default_rng(0)
    corners = {_corner_inside(rng, Box((2, 5, 0), (12, 15, 7)), 10) for _ in range(9)}
    assert corners == {(2, 5, -2)}
    assert _corner_inside(rng, Box((10, 20, 0), (16, 24, 8)), 8) == (9, 18, 0)
    assert {_corner_inside(rng, Box((0, 0, 0), (5, 4, 4)), 4)[0] for _ in range(60)} == {0, 1}


def test_the_rate_rises_for_the_warm_up_and_never_above_itself():
    spec = OptimizerSpec()
    assert learning_rate(0, 100, spec) == spec.learning_rate
    assert learning_rate(50, 100, spec) == pytest.approx(spec.learning_rate * 0.5**spec.power)
    warm = replace(spec, warmup_iterations=3)
    assert learning_rate(0, 100, warm) == pytest.approx(spec.learning_rate / 4)
    with pytest.raises(ValueError, match="iteration must lie in"):
        learning_rate(100, 100, spec)
