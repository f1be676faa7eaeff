"""The rule of K voxels and the sentence that explains it."""

import pytest

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.inference.judgment import classify, explain
from PDACScreeningLib.outcome import Outcome


@pytest.mark.parametrize(
    ("tumor_voxels", "outcome"),
    [
        (0, Outcome.NOT_SUSPICIOUS),
        (49, Outcome.NOT_SUSPICIOUS),
        (50, Outcome.SUSPICIOUS),  # "at least K voxels"
        (51, Outcome.SUSPICIOUS),
    ],
)
def test_volume_is_suspicious_from_k_voxels_on(tumor_voxels, outcome):
    assert classify(tumor_voxels, DecisionRule()) is outcome


def test_k_of_1500_is_only_a_config_value():
    assert classify(1499, DecisionRule(1500)) is Outcome.NOT_SUSPICIOUS
    assert classify(1500, DecisionRule(1500)) is Outcome.SUSPICIOUS


def test_reason_names_volume_and_voxels_of_both_sides():
    reason = explain(120, DecisionRule(), voxel_volume_mm3=2.0)
    assert reason == "0.24 mL (120 voxels) segmented as tumor; 0.10 mL (50 voxels) or more are called suspicious."


def test_a_single_small_voxel_is_not_told_as_nothing():
    assert explain(1, DecisionRule(), voxel_volume_mm3=0.28).startswith("< 0.01 mL (1 voxel) segmented as tumor;")


def test_reason_without_tumor_does_not_speak_of_zero_voxels():
    reason = explain(0, DecisionRule(), voxel_volume_mm3=1.0)
    assert reason == "No voxel was segmented as tumor; 0.05 mL (50 voxels) or more are called suspicious."
