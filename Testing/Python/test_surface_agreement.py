"""Surfaces of shifted boxes by pencil."""

import numpy as np
import pytest

from PDACScreeningLib.evaluation.surface_agreement import surface_agreement


def box(x, shape=(20, 20, 40), spacing_last=10):
    mask = np.zeros(shape, bool)
    mask[5:15, 5:15, x : x + spacing_last] = True
    return mask


def test_boxes_shifted_by_three_voxels_along_x_lie_six_mm_apart():
    found = surface_agreement(box(8), box(5), (2.0, 1.0, 1.0), tolerance_mm=5.0)
    # the face that moved is a sixth of the surface, more than 5 %: 3 voxels of 2 mm
    assert found.hd95_mm == pytest.approx(6.0)
    assert 0.5 < found.nsd < 1


def test_spacing_belongs_to_x_y_z():
    along_z = np.moveaxis(box(8, (20, 20, 40)), 2, 0), np.moveaxis(box(5, (20, 20, 40)), 2, 0)
    assert surface_agreement(*along_z, (1.0, 1.0, 2.0), tolerance_mm=1.0).hd95_mm == pytest.approx(6.0)


def test_everything_agrees_within_a_tolerance_of_the_shift():
    assert surface_agreement(box(8), box(5), (2.0, 1.0, 1.0), tolerance_mm=6.0).nsd == 1


def test_equal_masks_agree():
    found = surface_agreement(box(5), box(5), (1.0, 1.0, 1.0), tolerance_mm=0.5)
    assert (found.nsd, found.hd95_mm) == (1, 0)


def test_a_missing_mask_has_no_distance():
    nothing = np.zeros_like(box(5))
    assert surface_agreement(nothing, box(5), (1.0, 1.0, 1.0), tolerance_mm=1.0) is None
    assert surface_agreement(box(5), nothing, (1.0, 1.0, 1.0), tolerance_mm=1.0) is None
