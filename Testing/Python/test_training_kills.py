"""A training that is killed at any instant ends with the same bits as one that ran in peace."""

import sys

import pytest
from training_lives import scenario

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks processes")


@pytest.mark.slow
def test_fifty_kills_at_random_instants_change_no_weight_no_momentum_and_no_patch(tmp_path):
    found = scenario("random_kills", tmp_path)
    assert found["kills"] == 50
    assert found["in_saving"] >= 1


@pytest.mark.slow
def test_a_kill_before_each_file_operation_of_an_iteration_and_its_saving_changes_nothing(tmp_path):
    assert scenario("kills_at_every_file_operation", tmp_path)["operations"] >= 10


def test_a_kill_inside_the_write_of_a_checkpoint_leaves_the_one_before_it(tmp_path):
    assert scenario("kills_inside_a_write", tmp_path)["killed"] >= 9
