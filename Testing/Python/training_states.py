"""Runs tiny trainings, and compares what two of them left."""

import json

import torch

from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.journal import JOURNAL
from PDACScreeningLib.training.ranks import joined_ranks
from PDACScreeningLib.training.trainer import train


def train_here(run, store, stop_after=None):
    """Train in this process, if asked to only until so many iterations are done."""
    done = []
    train(run, store, done.append, should_stop=lambda: stop_after in (len(done) + 1, len(done)))


def train_as_rank(run, store, **options):
    """Train as one of the processes of training_lives.in_ranks."""
    with joined_ranks("cpu") as ranks:
        train(run, store, ranks=ranks, **options)


def state(folder):
    """Weights, running statistics and momentum of the newest checkpoint."""
    checkpoint = CheckpointFolder(folder).newest()
    momentum = {f"momentum {index}": of["momentum_buffer"] for index, of in checkpoint.optimizer_state["state"].items()}
    return {**checkpoint.network_state, **momentum}


def losses(folder):
    """(iteration, loss, learning rate) of every line of the journal."""
    lines = [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]
    return [(line["iteration"], line["loss"], line["learning_rate"]) for line in lines]


def require_equal(calm, other):
    """Weights, momentum, best validation, and the loss of every iteration, which tells its patches, to the last bit."""
    calm_state, other_state = state(calm), state(other)
    assert calm_state.keys() == other_state.keys()
    assert all(torch.equal(calm_state[name], other_state[name]) for name in calm_state)
    assert losses(calm) == losses(other)
    assert CheckpointFolder(calm).for_use().best == CheckpointFolder(other).for_use().best


def largest_difference(first, second):
    """Of weights, running statistics and losses, but not of momentum: its rounding is that of raw gradients."""
    one, two = (CheckpointFolder(folder).newest().network_state for folder in (first, second))
    apart = [abs(a[1] - b[1]) for a, b in zip(losses(first), losses(second), strict=True)]
    return max(*apart, *(float((one[name] - two[name]).abs().max()) for name in one))
