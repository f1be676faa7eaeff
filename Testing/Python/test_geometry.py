"""One file gives one geometry, whoever read it: numbers are rounded where no usual number lies on the border."""

import math
import warnings

import numpy as np
import pytest

from PDACScreeningLib.volume.geometry import IDENTITY, Geometry


def at(x_mm, direction=IDENTITY):
    return Geometry((2, 3, 4), (0.7, 0.7, 2.5), (x_mm, 0.0, 0.0), direction)


@pytest.mark.parametrize("x_mm", [0.1, -249.51171875, -812.3, 0.001953125, 5 / 2**9, -7 / 2**10, 1 / 3, 2 / 3, -1e-13])
def test_neighbors_that_differ_by_the_noise_of_a_matrix_become_equal(x_mm):
    neighbors = [at(x_mm + noise).rounded() for noise in (-1e-13, 0.0, 1e-13)]
    assert len(set(neighbors)) == 1
    assert neighbors[0].origin_mm[0] == pytest.approx(x_mm, abs=1e-8)


def test_what_a_header_says_in_a_few_digits_stays():
    assert at(-249.51171875).rounded() == at(-249.51171875)


def test_rounding_twice_is_rounding_once():
    draws = np.random.default_rng(0).uniform(-500, 500, 1000)
    assert all(at(float(x_mm)).rounded() == at(float(x_mm)).rounded().rounded() for x_mm in draws)


def test_a_cosine_a_hair_below_one_is_one():
    turned = (-1.0, 0.0, 0.0, 0.0, -0.9999999999999999, 1e-16, 0.0, -1e-16, 0.9999999999999999)
    rounded = at(-0.0, turned).rounded()
    assert rounded.direction == (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
    assert math.copysign(1, rounded.origin_mm[0]) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spacing_mm": (1.0, 1.0, 1.1e9)}, "spacing must be positive"),
        ({"spacing_mm": (1.0, float("nan"), 1.0)}, "spacing must be positive"),
        ({"origin_mm": (0.0, -1.1e9, 0.0)}, "origin must lie within"),
        ({"origin_mm": (0.0, float("inf"), 0.0)}, "origin must lie within"),
        ({"direction": (1e200, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)}, "not orthonormal"),
        ({"direction": (float("nan"), 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)}, "not orthonormal"),
    ],
)
def test_lengths_that_no_scanner_has_are_refused_without_a_word_of_numpy(changes, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=words):
            Geometry(**{"shape": (2, 3, 4), "spacing_mm": (1.0, 1.0, 1.0), **changes})
    far = Geometry((2, 3, 4), (1.0, 1.0, 1e9), (0.0, 1e9, 0.0))
    assert np.isfinite(far.index_to_world((1, 2, 3))).all()
