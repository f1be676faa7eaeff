"""Two processes train what one trains, and stop together."""

import sys

import pytest
import torch
from training_lives import play

from PDACScreeningLib.config import PAPER_SCALES, NetworkSpec
from PDACScreeningLib.network.global_batch_norm import GlobalBatchNorm3d, with_global_batch_norm
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.training.ranks import Ranks

forks = pytest.mark.skipif(sys.platform == "win32", reason="forks processes")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return play(
        tmp_path_factory.mktemp("ranks"),
        "rank_scenarios",
        "two_ranks_equal_one_process",
        "global_batch_norm_in_double",
        "local_statistics_differ",
        "not_a_number_on_one_rank",
        "a_stop_asked_of_one_rank",
        "different_options",
        "a_rank_that_fails_and_hangs",
    )


@forks
def test_two_ranks_end_with_the_weights_and_losses_of_one_process(found):
    assert found["two_ranks_equal_one_process"]["paper"] < 1e-5
    assert found["two_ranks_equal_one_process"]["short"] < 1e-5


@forks
def test_batch_normalization_over_two_ranks_is_that_of_the_whole_mini_batch(found):
    assert found["global_batch_norm_in_double"]["difference"] < 1e-11


@forks
def test_statistics_of_each_rank_alone_are_another_training(found):
    assert found["local_statistics_differ"]["difference"] > 1e-4


@forks
def test_a_loss_that_is_not_a_number_on_one_rank_stops_both_before_it_is_saved(found):
    stopped = found["not_a_number_on_one_rank"]
    assert stopped["codes"] == [3, 3]
    assert stopped["saved"] == 2
    assert stopped["finite"]
    assert "the loss of another process is not finite" in stopped["said"][0]
    assert "the loss became nan" in stopped["said"][1]


@forks
def test_both_ranks_stop_after_the_same_iteration_when_one_is_asked_to(found):
    assert found["a_stop_asked_of_one_rank"] == {"codes": [0, 0], "saved": 3}


@forks
def test_a_rank_that_fails_ends_the_others_within_thirty_seconds_even_if_it_hangs_itself(found):
    assert found["a_rank_that_fails_and_hangs"]["waited_s"] < 30
    assert found["a_rank_that_fails_and_hangs"]["saved"] == 2


@forks
def test_ranks_with_different_options_refuse_to_train_together(found):
    assert found["different_options"] == {"codes": [4, 4]}


@pytest.mark.parametrize(("device", "kind"), [("cpu", GlobalBatchNorm3d), ("cuda", torch.nn.SyncBatchNorm)])
def test_statistics_over_all_ranks_leave_weights_and_their_names(device, kind):
    torch.manual_seed(0)
    network = SegmentationNetwork(PAPER_SCALES[2], NetworkSpec(base_width=1))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    after = with_global_batch_norm(network, device)
    assert sum(type(layer) is kind for layer in after.modules()) == 18
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.state_dict().items())
    assert after.state_dict().keys() == before.keys()


def test_each_rank_takes_its_own_part_of_the_mini_batch():
    parts = [Ranks(rank, 4).part_of(16) for rank in range(4)]
    assert [list(range(16))[part] for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]


def test_a_mini_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="16 patches does not divide among 3 processes"):
        Ranks(0, 3).part_of(16)


def test_a_process_of_its_own_is_the_writer_and_decides_alone():
    assert Ranks().is_writer
    assert Ranks().any(True)
    assert not Ranks().any(False)
    assert Ranks().from_writer("value") == "value"
