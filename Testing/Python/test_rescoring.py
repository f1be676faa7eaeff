"""Edited segments on grids small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest
from fake_network import DecodingNetwork, coded
from sample_screenings import INPUT, SUSPICIOUS

from PDACScreeningLib.config import (
    PAPER_SCALES,
    AssessmentRule,
    ComponentFilter,
    DecisionRule,
    ScoreWeights,
    ScreeningConfig,
    WindowSpec,
)
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.errors import GeometryMismatch, ResultError
from PDACScreeningLib.inference.assessment import NO_GLAND, doubts
from PDACScreeningLib.inference.rescoring import EDITED, NOTHING_LEFT, rescore
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.session.answer import Answer, bound
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

GRID = Geometry((20, 20, 20), (1.0, 1.0, 1.0))
PROTOCOL = Protocol(
    name="exact",
    working_spacing_mm=1.0,
    working_spacing_mm_xyz=(1.0, 1.0, 1.0),
    windows=tuple(WindowSpec.of_paper(scale) for scale in PAPER_SCALES),
    roi_margin_voxels=32,
    components=ComponentFilter(),
    decision=DecisionRule(),
    score=ScoreWeights(),
    assessment=AssessmentRule(min_pancreas_ml=0.0),  # the gland drawn here has 1 mL
)
AI = replace(SUSPICIOUS, protocol=PROTOCOL)
CT = CTVolume(np.full(GRID.shape, 40, np.int16), GRID)


def pancreas_with_tumor(*, tumor_x):
    """1000 voxels of pancreas, of which the first `tumor_x` planes of 100 voxels are tumor."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[5:15, 5:15, 5:15] = Label.PANCREAS
    labels[5:15, 5:15, 5 : 5 + tumor_x] = Label.TUMOR
    return labels


BEFORE = LabelMap(pancreas_with_tumor(tumor_x=2), GRID)
PROBABILITY = np.full(GRID.shape, 0.8, np.float32)


def of_its_own(ai, labels=BEFORE, probability=None, ct=CT):
    """The answer as a screening leaves it: bound to the voxels it is about."""
    known = replace(ai, input=replace(INPUT, voxels_sha256=voxels_sha256(ct.hu)))
    probability = part(PROBABILITY) if probability is None else probability
    return bound(Answer(known, label_map=labels, probability=probability)).screening


def part(array, grid=GRID):
    return VolumePart.of(array, grid)


def rescored(edited, *, ai=AI):
    return rescore(of_its_own(ai), part(BEFORE.labels), part(edited), part(PROBABILITY), CT)


def test_labels_that_were_not_edited_give_back_the_untouched_answer():
    again = rescored(pancreas_with_tumor(tumor_x=2))
    assert again.screening == of_its_own(AI)
    assert [change.dice for change in again.changes] == [1.0, 1.0]


def test_painted_tumor_is_counted_scored_and_measured():
    result = rescored(pancreas_with_tumor(tumor_x=3)).screening
    assert (result.outcome, result.tumor_voxels, result.pancreas_voxels) == (Outcome.SUSPICIOUS, 300, 700)
    assert result.mean_tumor_probability == pytest.approx(0.8)
    assert result.score == pytest.approx(0.5 * 300 / 350 + 0.5 * 0.8)  # a n/(n + K) + (1 - a) p
    (finding,) = result.findings
    assert (finding.voxels, finding.mean_hu) == (300, 40.0)


def test_what_changed_is_told_in_voxels_and_dice():
    pancreas, tumor = rescored(pancreas_with_tumor(tumor_x=3)).changes
    assert (tumor.ai_voxels, tumor.edited_voxels, tumor.added_voxels, tumor.removed_voxels) == (200, 300, 100, 0)
    assert tumor.dice == pytest.approx(2 * 200 / 500)
    assert (pancreas.name, pancreas.added_voxels, pancreas.removed_voxels) == ("Pancreas", 0, 100)


def test_erasing_the_tumor_makes_the_scan_not_suspicious_and_says_who_did_it():
    result = rescored(pancreas_with_tumor(tumor_x=0)).screening
    assert (result.outcome, result.tumor_voxels) == (Outcome.NOT_SUSPICIOUS, 0)
    assert result.score == pytest.approx(0.25 * 0.8)  # the probability of the gland, where a tumor was painted over
    assert result.findings == ()
    assert result.warnings[0] == EDITED


def test_erasing_everything_is_not_a_normal_result():
    result = rescored(np.zeros(GRID.shape, np.uint8)).screening
    assert (result.outcome, result.reason) == (Outcome.INDETERMINATE, NOTHING_LEFT)
    assert (result.score, result.tumor_voxels, result.findings) == (None, None, ())


def test_a_speck_painted_apart_is_filtered_as_the_paper_says_and_the_reviewer_is_told():
    edited = pancreas_with_tumor(tumor_x=2)
    edited[0:2, 0:2, 0:2] = Label.TUMOR  # 8 voxels; the largest region has 1000
    result = rescored(edited).screening
    assert result.tumor_voxels == 200
    assert result.warnings[1].startswith("0.01 mL (8 voxels) of tumor were left out")


def test_the_rule_of_the_run_decides_not_a_default():
    strict = replace(AI, protocol=replace(PROTOCOL, decision=DecisionRule(301)))
    assert rescored(pancreas_with_tumor(tumor_x=3), ai=strict).screening.outcome == Outcome.NOT_SUSPICIOUS


def test_evidence_model_and_warnings_of_the_ai_stay():
    result = rescored(pancreas_with_tumor(tumor_x=3)).screening
    assert (result.scales, result.model, result.input) == (AI.scales, AI.model, of_its_own(AI).input)
    assert set(AI.warnings) <= set(result.warnings)


@pytest.mark.parametrize(("pancreas", "tumor"), [(100, 200), (0, 500)])
def test_a_doubt_about_the_segments_of_the_ai_goes_when_they_are_mended(pancreas, tumor):
    protocol = replace(PROTOCOL, assessment=AssessmentRule(min_pancreas_ml=0.5))
    seen = {"pancreas_voxels": pancreas, "tumor_voxels": tumor}
    (doubt,) = doubts(protocol, **seen, removed_tumor_voxels=0, reaches_border=False)
    ai = replace(AI, protocol=protocol, warnings=(doubt, "of the scan"), **seen)
    found = rescored(pancreas_with_tumor(tumor_x=3), ai=ai).screening.warnings
    assert doubt not in found
    assert "of the scan" in found


def test_that_the_ai_left_no_gland_is_not_said_of_one_that_was_painted():
    nothing = LabelMap(np.zeros(GRID.shape, np.uint8), GRID)
    without = {"score": 0.0, "tumor_voxels": 0, "pancreas_voxels": 0, "findings": (), "mean_tumor_probability": None}
    ai = replace(AI, outcome=Outcome.INDETERMINATE, reason=NO_GLAND, warnings=(NO_GLAND, "of the scan"), **without)
    ai = of_its_own(replace(ai, rule_call=None), nothing)
    edited = part(pancreas_with_tumor(tumor_x=3))
    found = rescore(ai, part(nothing.labels), edited, part(PROBABILITY), CT).screening.warnings
    assert NO_GLAND not in found
    assert "of the scan" in found


def test_another_grid_is_refused():
    other = Geometry(GRID.shape, (1.0, 1.0, 2.0))
    labels = part(pancreas_with_tumor(tumor_x=3), other)
    with pytest.raises(GeometryMismatch, match="another grid"):
        rescore(AI, labels, labels, part(PROBABILITY), CT)


@pytest.mark.parametrize("foreign", ["labels", "probability", "ct"])
def test_labels_probability_and_ct_of_another_scan_on_the_same_grid_are_refused(foreign):
    others = {
        "labels": part(pancreas_with_tumor(tumor_x=3)),
        "probability": part(PROBABILITY + np.float32(0.1)),
        "ct": CTVolume(CT.hu + np.int16(1), GRID),
    }
    given = {"labels": part(BEFORE.labels), "probability": part(PROBABILITY), "ct": CT, foreign: others[foreign]}
    edited = part(pancreas_with_tumor(tumor_x=4))
    with pytest.raises(ResultError, match="another scan's"):
        rescore(of_its_own(AI), given["labels"], edited, given["probability"], given["ct"])


def test_the_answer_of_another_scan_is_refused():
    other = of_its_own(AI, ct=CTVolume(CT.hu + np.int16(1), GRID))
    with pytest.raises(ResultError, match="another scan's"):
        rescore(other, part(BEFORE.labels), part(BEFORE.labels), part(PROBABILITY), CT)


def test_a_protocol_of_another_scan_is_refused():
    foreign = replace(AI, protocol=replace(PROTOCOL, working_spacing_mm_xyz=(1.0, 1.0, 3.3)))
    with pytest.raises(GeometryMismatch, match="another scan"):
        rescored(pancreas_with_tumor(tumor_x=3), ai=foreign)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5)])
@pytest.mark.parametrize("working_spacing_mm", [1.0, None])
def test_one_voxel_more_changes_a_real_screening_by_about_one_voxel(spacing_mm, working_spacing_mm):
    labels = np.zeros((24, 40, 40), np.uint8)
    labels[6:18, 10:30, 10:30] = Label.PANCREAS
    labels[8:16, 12:24, 12:24] = Label.TUMOR
    ct = coded(labels, Geometry(labels.shape, spacing_mm))
    networks = {size: DecodingNetwork() for size in (64, 32, 16)}
    answer = screen(ct, networks, ScreeningConfig(working_spacing_mm=working_spacing_mm))
    edited = answer.label_map.labels.copy()
    edited[12, 18, 24] = Label.TUMOR  # at the border of the tumor
    ai = of_its_own(answer.screening, answer.label_map, answer.probability, ct)
    parts = (part(array, ct.geometry) for array in (answer.label_map.labels, edited, answer.tumor_probability))
    result = rescore(ai, *parts, ct).screening
    assert result.tumor_voxels == pytest.approx(answer.screening.tumor_voxels, rel=0.05)
    # the stored probability went to the scan's grid and comes back: sharp edges lose a little on thick slices
    assert result.score == pytest.approx(answer.screening.score, abs=0.05)
    assert result.outcome == answer.screening.outcome
