"""Doubts about a segmentation, each from a drawn case."""

from dataclasses import replace

import numpy as np

from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.inference.coarse_to_fine import Segmentation
from PDACScreeningLib.inference.plausibility import warnings_about
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

SHAPE = (110, 100, 120)
CONFIG = ScreeningConfig()


def gland(start=(40, 40, 40), size=(30, 30, 40), shape=SHAPE, label=Label.PANCREAS):
    """A block of 36 mL in the middle of the volume, 40 voxels from its first and last slice."""
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(low, low + length) for low, length in zip(start, size, strict=True))] = label
    return labels


def warned(labels, spacing_mm=(1.0, 1.0, 1.0), config=CONFIG):
    box = bounding_box(labels > 0)
    roi = box.padded(32, labels.shape)
    segmentation = Segmentation(box, roi, labels, np.zeros(roi.shape, np.float32), (), labels[roi.slices], "exact")
    return warnings_about(segmentation, Geometry(labels.shape, spacing_mm), config)


def test_plausible_gland_in_the_middle_raises_no_doubt():
    assert warned(gland()) == ()


def test_gland_that_ends_just_before_the_last_slice_is_told_in_mm():
    (warning,) = warned(gland((74, 40, 40)), spacing_mm=(1.0, 1.0, 1.5))  # ends 6 slices below the last
    assert "ends 9 mm above or below" in warning


def test_margin_cut_by_the_last_slice_alone_is_not_worth_a_word():
    assert warned(gland((70, 40, 40))) == ()  # 10 mm of the 32


def test_margin_cut_at_the_side_of_the_patient_is_not_worth_a_word():
    assert warned(gland((40, 1, 1))) == ()


def test_other_organs_taken_for_pancreas_are_told():
    (warning,) = warned(gland(), spacing_mm=(2.0, 2.0, 2.0), config=replace(CONFIG, decision=DecisionRule(10)))
    assert warning.startswith("288 mL were segmented as pancreas (more than 200 mL)")
