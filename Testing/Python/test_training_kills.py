"""A training that is killed at any instant ends with the same bits as one that ran in peace."""

import sys

import pytest
from training_lives import play

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="forks processes")]


def test_fifty_kills_at_random_instants_change_no_weight_no_momentum_and_no_patch(tmp_path):
    found = play(tmp_path, "kill_scenarios", "random_kills")["random_kills"]
    assert found["kills"] == 50
    assert found["in_saving"] >= 1


def test_a_kill_before_each_file_operation_of_an_iteration_and_its_saving_changes_nothing(tmp_path):
    found = play(tmp_path, "kill_scenarios", "kills_at_every_file_operation")["kills_at_every_file_operation"]
    assert found["operations"] >= 25


def test_a_kill_inside_the_write_of_a_checkpoint_leaves_the_one_before_it(tmp_path):
    assert play(tmp_path, "kill_scenarios", "kills_inside_a_write")["kills_inside_a_write"]["killed"] >= 9
