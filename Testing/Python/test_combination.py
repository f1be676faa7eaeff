"""Mean of probabilities, or of their logarithms: by pencil."""

import numpy as np
import pytest

from PDACScreeningLib.inference.coarse_to_fine import most_likely_labels
from PDACScreeningLib.inference.combination import combined, summand


def voxel(*probabilities):
    """(2, 1, 1, n) pancreas and tumor of n voxels."""
    return np.array(probabilities, np.float32).T.reshape(2, 1, 1, -1).copy()


def all_of(answers, combination):
    total = sum(summand(answer, combination) for answer in answers)
    return combined(total / len(answers), combination)


def test_the_papers_mean_is_the_mean():
    one, other = voxel((0.2, 0.6)), voxel((0.4, 0.2))
    assert all_of([one, other], "mean").ravel() == pytest.approx([0.3, 0.4])


def test_the_mean_of_logarithms_is_the_geometric_mean_made_to_sum_to_one():
    classes = np.array(
        [[0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]]
    )  # background, pancreas, tumor of three networks
    geometric = np.exp(np.log(classes).mean(axis=0))
    expected = geometric / geometric.sum()
    found = all_of([voxel((row[1], row[2])) for row in classes], "log_mean")
    assert found.ravel() == pytest.approx(expected[1:], rel=1e-5)


def test_certain_networks_give_numbers_and_not_infinities():
    found = all_of([voxel((1.0, 0.0), (0.0, 0.0)), voxel((0.0, 1.0), (0.0, 0.0))], "log_mean")
    assert np.isfinite(found).all()
    assert found[:, 0, 0, 0] == pytest.approx([0.5, 0.5], abs=1e-3)
    assert found[:, 0, 0, 1].max() < 1e-3


def test_one_confident_no_weighs_more_than_two_weak_votes():
    answers = [((0.75, 0.2),), ((0.3, 0.6),), ((0.3, 0.6),)]
    by_mean = all_of([voxel(*answer) for answer in answers], "mean")
    by_log = all_of([voxel(*answer) for answer in answers], "log_mean")
    assert by_mean[1].item() > by_mean[0].item()
    assert by_log[1].item() / by_log[0].item() < by_mean[1].item() / by_mean[0].item()


def test_a_tumor_below_the_wanted_probability_becomes_the_likelier_of_the_other_two():
    foreground = voxel((0.35, 0.45), (0.15, 0.45), (0.2, 0.56), (0.2, 0.55))
    assert most_likely_labels(foreground).ravel().tolist() == [2, 2, 2, 2]
    assert most_likely_labels(foreground, min_tumor_probability=0.551).ravel().tolist() == [1, 0, 2, 0]
