"""Flips and quarter turns: exactly 48 maps of a cube onto itself."""

import numpy as np

from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training.augmentation import CUBE_SYMMETRIES, random_symmetry

CUBE = np.arange(27).reshape(3, 3, 3)


def test_there_are_48_different_symmetries():
    assert len({symmetry(CUBE).tobytes() for symmetry in CUBE_SYMMETRIES}) == 48


def test_every_flip_and_quarter_turn_of_the_paper_is_among_them():
    known = {symmetry(CUBE).tobytes() for symmetry in CUBE_SYMMETRIES}
    flips = [np.flip(CUBE, axis) for axis in range(3)]
    turns = [np.rot90(CUBE, k, axes) for k in (1, 2, 3) for axes in ((0, 1), (0, 2), (1, 2))]
    assert all(np.ascontiguousarray(moved).tobytes() in known for moved in flips + turns)


def test_they_form_a_group():
    known = {symmetry(CUBE).tobytes() for symmetry in CUBE_SYMMETRIES}
    composed = {second(first(CUBE)).tobytes() for first in CUBE_SYMMETRIES for second in CUBE_SYMMETRIES}
    assert composed == known


def test_each_is_drawn_about_equally_often():
    rng = stream(0, "test")
    drawn = [CUBE_SYMMETRIES.index(random_symmetry(rng)) for _ in range(4800)]
    counts = np.bincount(drawn, minlength=48)
    assert counts.min() > 50  # expected 100 each, standard deviation 10
    assert counts.max() < 150
