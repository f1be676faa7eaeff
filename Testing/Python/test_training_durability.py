"""A training that meets a damaged checkpoint, a full disk or left-over files says so and ends with the same weights."""

from dataclasses import replace

import pytest
import torch
from small_store import small_store
from training_lives import tiny_run

from PDACScreeningLib.errors import CheckpointError, FolderInUse, WriteError
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.run_lease import run_lease
from PDACScreeningLib.training.trainer import train

resource = pytest.importorskip("resource", reason="limits file sizes as POSIX does")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def calm(store, tmp_path_factory):
    """The weights after six iterations in peace."""
    return train(run_in(tmp_path_factory.mktemp("calm")), store).network_state


@pytest.fixture
def stopped(store, tmp_path):
    """A run folder with checkpoints of iterations 2 and 4."""
    done = []
    train(run_in(tmp_path), store, done.append, should_stop=lambda: len(done) == 3)
    return tmp_path


def run_in(folder, **changes):
    return tiny_run(folder, iterations=6, checkpoint_every=2, **changes)


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def newest_file(folder):
    return max(folder.glob("checkpoint-*.pt"))


def test_a_stop_saves_at_once_and_returns_what_is_done(stopped):
    assert [path.name[:19] for path in sorted(stopped.glob("checkpoint-*"))] == [
        "checkpoint-00000002",
        "checkpoint-00000004",
    ]


def test_a_damaged_newest_checkpoint_is_told_set_aside_and_made_up_for(store, calm, stopped):
    damaged = newest_file(stopped)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    told = []
    assert equal(train(run_in(stopped), store, notify=told.append).network_state, calm)
    assert len(told) == 1
    assert damaged.name in told[0]
    assert (stopped / f"damaged-{damaged.name}").exists()


def test_a_training_with_damaged_checkpoints_only_does_not_begin_anew(store, stopped):
    for path in stopped.glob("checkpoint-*"):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="every checkpoint"):
        train(run_in(stopped), store, notify=lambda sentence: None)


def test_a_disk_that_fills_up_stops_with_a_sentence_and_nothing_is_lost(store, calm, stopped):
    earlier = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = newest_file(stopped).stat().st_size // 2

    def fill_up(_progress):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, earlier[1]))

    try:
        with pytest.raises(WriteError, match="check free disk space"):
            train(run_in(stopped), store, fill_up)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, earlier)
    assert CheckpointFolder(stopped).newest().iteration == 4
    assert not list(stopped.glob(".partial-*"))
    assert equal(train(run_in(stopped), store).network_state, calm)


def test_what_a_killed_writer_left_is_removed_at_the_next_start(store, stopped):
    left = stopped / ".partial-abc-checkpoint-00000005.pt"
    left.write_bytes(b"half")
    train(run_in(stopped), store)
    assert not left.exists()


def test_a_folder_that_another_training_holds_is_not_touched(store, stopped):
    before = {path.name: path.stat().st_mtime_ns for path in stopped.iterdir()}
    left = stopped / ".partial-of-the-other"
    left.touch()
    with run_lease(stopped), pytest.raises(FolderInUse):
        train(run_in(stopped), store)
    left.unlink()
    assert {path.name: path.stat().st_mtime_ns for path in stopped.iterdir()} == before


def test_local_statistics_do_not_go_on_with_another_number_of_processes(store, tmp_path):
    run = run_in(tmp_path, batch_norm="local")
    done = []
    stopped = train(run, store, done.append, should_stop=lambda: len(done) == 1)
    as_if_two = replace(stopped, provenance={**stopped.provenance, "processes": "2"})
    CheckpointFolder(tmp_path).save(as_if_two)
    with pytest.raises(CheckpointError, match="had 2 processes and --batch-norm local"):
        train(run, store)
