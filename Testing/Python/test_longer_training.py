"""A training that averages its weights, starts from a model, or goes on when it was done."""

import json
from dataclasses import replace

import pytest
import torch
from small_store import small_store
from training_lives import tiny_run
from training_states import losses, require_equal

from PDACScreeningLib.config import IntensityAugmentation, ValidationSpec
from PDACScreeningLib.errors import CheckpointError, ModelError
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.journal import JOURNAL
from PDACScreeningLib.training.trainer import train


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("store"))


def run_in(folder, *, iterations=6, **changes):
    return tiny_run(folder, iterations=iterations, checkpoint_every=2, **changes)


def floats(state):
    return {name: tensor.clone() for name, tensor in state.items() if tensor.is_floating_point()}


def test_the_average_follows_the_weights_by_pencil(store, tmp_path):
    seen = []

    def remember(_progress):
        seen.append(floats(CheckpointFolder(tmp_path).newest().network_state))

    run = replace(run_in(tmp_path, average_decay=0.25), checkpoint_every=1)
    end = train(run, store, remember)
    expected = None
    for iteration, weights in enumerate(seen):
        kept = min(0.25, (1 + iteration) / (10 + iteration))
        before = expected if expected is not None else start_of(store, tmp_path / "start")
        expected = {name: kept * before[name] + (1 - kept) * weights[name] for name in weights}
    assert all(torch.allclose(end.average_state[name], expected[name], atol=1e-6) for name in expected)
    assert end.state_for_use is end.average_state


def start_of(store, folder):
    """Weights before the first iteration: those of a training whose learning rate is too small to move any."""
    from PDACScreeningLib.training.learner import new_learner
    from PDACScreeningLib.training.ranks import Ranks

    run = run_in(folder)
    return floats(new_learner(run.config, run.scale, run.runtime, Ranks(), None).network.state_dict())


def test_averaging_does_not_change_what_is_learned(store, tmp_path):
    plain, averaged = (train(run_in(tmp_path / str(decay), average_decay=decay), store) for decay in (0.0, 0.9))
    assert all(torch.equal(plain.network_state[name], averaged.network_state[name]) for name in plain.network_state)
    assert plain.average_state == {}
    assert plain.state_for_use is plain.network_state


def test_a_stopped_training_with_everything_on_ends_with_the_same_bits(store, tmp_path):
    options = {
        "average_decay": 0.9,
        "symmetries": "axial",
        "intensity_augmentation": IntensityAugmentation(8.0, 0.1, 5.0, 0.5),
        "validation": ValidationSpec(every=2, scans=2, patient_share=0.5),
    }
    calm = train(run_in(tmp_path / "calm", **options), store)
    done = []
    train(run_in(tmp_path / "run", **options), store, done.append, should_stop=lambda: len(done) == 3)
    resumed = train(run_in(tmp_path / "run", **options), store)
    require_equal(tmp_path / "calm", tmp_path / "run")
    assert all(torch.equal(calm.average_state[name], resumed.average_state[name]) for name in calm.average_state)


def test_a_finished_training_goes_on_when_more_iterations_are_asked_for(store, tmp_path):
    first = train(run_in(tmp_path), store)
    told = []
    longer = train(run_in(tmp_path, iterations=9), store, notify=told.append)
    assert (first.iteration, longer.iteration) == (6, 9)
    assert told == ["finished before after 6 iterations; goes on with the rate of the longer schedule"]
    assert longer.provenance["finished_before_at"] == "6"
    rates = [rate for _, _, rate in losses(tmp_path)]
    assert rates[:6] == pytest.approx([0.01 * (1 - t / 6) ** 0.9 for t in range(6)])
    assert rates[6:] == pytest.approx([0.01 * (1 - t / 9) ** 0.9 for t in range(6, 9)])


def test_a_continued_training_that_is_stopped_ends_with_the_same_bits(store, tmp_path):
    for folder in ("calm", "run"):
        train(run_in(tmp_path / folder), store)
    train(run_in(tmp_path / "calm", iterations=11), store, notify=lambda _: None)
    done = []
    longer = run_in(tmp_path / "run", iterations=11)
    train(longer, store, done.append, should_stop=lambda: len(done) == 3, notify=lambda _: None)
    told = []
    end = train(longer, store, notify=told.append)
    assert told == []  # it is on its way, nothing new
    assert end.provenance["finished_before_at"] == "6"
    require_equal(tmp_path / "calm", tmp_path / "run")


def test_only_a_finished_training_goes_on_and_only_with_the_same_settings(store, tmp_path):
    done = []
    train(run_in(tmp_path), store, done.append, should_stop=lambda: len(done) == 3)
    with pytest.raises(CheckpointError, match="other settings"):
        train(run_in(tmp_path, iterations=9), store)
    train(run_in(tmp_path), store)
    for other in ({"iterations": 5}, {"iterations": 9, "seed": 1}, {"iterations": 9, "augmentation_start": 7}):
        with pytest.raises(CheckpointError, match="other settings"):
            train(run_in(tmp_path, **other), store)


def test_a_training_starts_from_the_weights_it_is_given_but_for_the_auxiliary_heads(store, tmp_path):
    given = train(run_in(tmp_path / "given"), store).network_state
    kept = {name: tensor.clone() for name, tensor in given.items() if not name.startswith("auxiliary_heads.")}
    still = replace(run_in(tmp_path / "run", iterations=1).config.optimizer, learning_rate=1e-12)
    end = train(run_in(tmp_path / "run", iterations=1, optimizer=still), store, start=kept)
    weights = {name: tensor for name, tensor in kept.items() if name.endswith(("weight", "bias"))}
    assert all(torch.allclose(end.network_state[name], weights[name], atol=1e-6) for name in weights)


def test_weights_of_another_width_are_refused(store, tmp_path):
    given = train(run_in(tmp_path / "given"), store).network_state
    with pytest.raises(ModelError, match="another width"):
        train(run_in(tmp_path / "run"), store, start={**given, "head.weight": torch.zeros(3, 2, 1, 1, 1)})
    with pytest.raises(ModelError, match="another kind"):
        train(run_in(tmp_path / "other"), store, start={"head.bias": given["head.bias"]})


def test_the_journal_tells_at_once_what_is_trained_and_that_it_was_taken_up_again(store, tmp_path):
    done = []
    train(run_in(tmp_path), store, done.append, should_stop=lambda: len(done) == 3)
    train(run_in(tmp_path), store)
    lines = [json.loads(line) for line in (tmp_path / JOURNAL).read_text().splitlines()]
    assert [line["iteration"] for line in lines if "started" in line] == [0, 4]
    assert lines[0]["started"]["config"]["optimizer"]["learning_rate"] == 0.01
    assert lines[0]["started"]["store_sha256"] == store.sha256
