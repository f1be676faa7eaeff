"""A negative needs an assessed pancreas: every way in which "no tumor" must not be believed, each drawn."""

from dataclasses import replace

import numpy as np
import pytest
from fake_network import ConstantNetwork, DecodingNetwork, coded
from sample_screenings import INPUT

from PDACScreeningLib.config import AssessmentRule, DecisionRule, ScreeningConfig
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.inference.assessment import CUT_OFF, NO_GLAND, reaches_border
from PDACScreeningLib.inference.rescoring import rescore
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.session.answer import Answer, bound
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

GEOMETRY = Geometry((100, 96, 96), (1.0, 1.0, 1.0))
CONFIG = ScreeningConfig(working_spacing_mm=None)


def decoders(**others):
    return {scale.patch_size: DecodingNetwork() for scale in CONFIG.scales} | others


def gland(start=(35, 35, 35), size=(30, 30, 30)):
    """27 mL of pancreas in the middle of the scan."""
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[tuple(slice(low, low + length) for low, length in zip(start, size, strict=True))] = Label.PANCREAS
    return labels


def with_tumor(labels, voxels, *, start=(45, 45, 45)):
    """A row of tumor voxels inside the gland."""
    z, y, x = start
    labels[z, y : y + voxels // 10, x : x + 10] = Label.TUMOR
    return labels


def screened(labels, config=CONFIG, networks=None):
    return screen(coded(labels, GEOMETRY), networks or decoders(), config)


def test_a_gland_in_the_middle_without_a_tumor_is_not_suspicious():
    answer = screened(gland()).screening
    assert (answer.outcome, answer.rule_call, answer.warnings) == (
        Outcome.NOT_SUSPICIOUS,
        Outcome.NOT_SUSPICIOUS,
        (),
    )


def test_too_little_pancreas_is_not_assessable_and_keeps_everything_that_was_found():
    small = with_tumor(gland(size=(20, 25, 29)), 40)  # 14.5 mL
    found = screened(small)
    answer = found.screening
    assert answer.outcome is Outcome.INDETERMINATE
    assert answer.rule_call is Outcome.NOT_SUSPICIOUS
    assert answer.reason == (
        "Only 14.5 mL of pancreas were segmented (less than 15 mL): it was probably missed. "
        "This is not a normal result."
    )
    assert (answer.tumor_voxels, len(answer.findings), len(answer.scales)) == (40, 1, 3)
    assert answer.score > 0
    assert np.array_equal(found.label_map.labels, small)
    assert found.tumor_probability is not None


def test_the_least_pancreas_is_a_value_of_the_model():
    lenient = replace(CONFIG, assessment=AssessmentRule(min_pancreas_ml=10.0))
    assert screened(gland(size=(20, 25, 29)), lenient).screening.outcome is Outcome.NOT_SUSPICIOUS


@pytest.mark.parametrize("start", [(0, 35, 35), (70, 35, 35), (35, 0, 35), (35, 66, 35), (35, 35, 0), (35, 35, 66)])
def test_a_gland_at_any_of_the_six_faces_may_be_cut(start):
    answer = screened(gland(start)).screening
    assert (answer.outcome, answer.reason) == (Outcome.INDETERMINATE, f"{CUT_OFF} This is not a normal result.")
    assert not reaches_border(gland())


@pytest.mark.parametrize(("air", "cut"), [((0, 35), True), ((65, 100), True), ((0, 30), False), ((70, 100), False)])
def test_a_gland_that_ends_where_the_body_turns_to_air_may_be_cut(air, cut):
    """Slices of air at an end are filling: what was scanned ends before them."""
    ct = coded(gland(), GEOMETRY)
    ct.hu[slice(*air)] = AIR_HU
    answer = screen(ct, decoders(), CONFIG).screening
    assert answer.outcome is (Outcome.INDETERMINATE if cut else Outcome.NOT_SUSPICIOUS)
    assert answer.reason.startswith(CUT_OFF) == cut


def test_a_suspicious_scan_stays_suspicious_with_the_doubt_beside_it():
    answer = screened(with_tumor(gland((0, 35, 35)), 60, start=(10, 45, 45))).screening
    assert (answer.outcome, answer.rule_call) == (Outcome.SUSPICIOUS, Outcome.SUSPICIOUS)
    assert answer.reason.startswith("0.06 mL (60 voxels)")
    assert CUT_OFF in answer.warnings


def test_a_pancreas_that_the_coarse_scan_found_and_the_mean_did_not_leave():
    nothing = ConstantNetwork(background=1.0, pancreas=0.0, tumor=0.0)
    found = screened(gland(), networks=decoders() | {32: nothing, 16: nothing})
    answer = found.screening
    assert (answer.outcome, answer.reason) == (Outcome.INDETERMINATE, f"{NO_GLAND} This is not a normal result.")
    assert (answer.pancreas_voxels, answer.score, len(answer.scales)) == (0, 0.0, 3)
    assert found.tumor_probability is not None


def apart(voxels):
    """A tumor of some voxels far from the gland: less than 20 % of it."""
    labels = gland()
    labels[80, 5 : 5 + voxels // 10, 5:15] = Label.TUMOR
    return labels


def test_tumor_that_the_component_rule_took_away_is_told_and_k_of_it_is_not_a_negative():
    answer = screened(apart(50)).screening
    assert (answer.outcome, answer.rule_call) == (Outcome.INDETERMINATE, Outcome.NOT_SUSPICIOUS)
    assert (answer.tumor_voxels, answer.removed_tumor_voxels) == (0, 50)
    assert answer.reason.startswith("0.05 mL (50 voxels) of tumor were left out: they lie in a separate region")
    (region,) = answer.findings
    assert (region.left_out, region.number, region.voxels) == (True, 1, 50)


def test_fewer_than_k_removed_voxels_are_a_warning():
    answer = screened(apart(40)).screening
    assert (answer.outcome, answer.removed_tumor_voxels) == (Outcome.NOT_SUSPICIOUS, 40)
    assert answer.warnings[0].startswith("0.04 mL (40 voxels) of tumor were left out")


def test_removed_tumor_beside_one_that_counts_is_listed_behind_it():
    answer = screened(with_tumor(apart(50), 60)).screening
    assert answer.outcome is Outcome.SUSPICIOUS
    assert [finding.shown_volume_mm3 for finding in answer.findings] == [
        60,
        50,
    ]  # also where the label map has no voxel of it
    assert [(finding.number, finding.voxels, finding.left_out) for finding in answer.findings] == [
        (1, 60, False),
        (2, 50, True),
    ]
    assert any("were left out" in warning for warning in answer.warnings)


def test_the_rule_that_removal_is_held_against_is_the_models_own():
    strict = replace(CONFIG, decision=DecisionRule(60))
    assert screened(apart(50), strict).screening.outcome is Outcome.NOT_SUSPICIOUS


def scored_again(drawn, edited):
    """What a reader's labels say of a scan in which the networks drew `drawn`."""
    ct = coded(drawn, GEOMETRY)
    found = screen(ct, decoders(), CONFIG)
    known = replace(found.screening, input=replace(INPUT, voxels_sha256=voxels_sha256(ct.hu)))
    ai = bound(Answer(known, ct, found.label_map, found.probability)).screening
    arrays = (found.label_map.labels, edited, found.tumor_probability)
    return rescore(ai, *(VolumePart.of(array, GEOMETRY) for array in arrays), ct).screening


def test_what_is_not_assessable_can_be_edited_and_scored_again():
    again = scored_again(gland(size=(20, 25, 29)), gland())
    assert (again.outcome, again.rule_call) == (Outcome.NOT_SUSPICIOUS, Outcome.NOT_SUSPICIOUS)
    assert not any("probably missed" in warning for warning in again.warnings)


def test_an_edited_gland_is_held_to_the_same():
    assert scored_again(gland(), gland(size=(20, 25, 29))).outcome is Outcome.INDETERMINATE
