"""Trains one of the three networks (section 2.2), read from top to bottom.

"The base learning rate is 0.01 and decayed polynomially (the power is 0.9) in a total of 80,000 iterations (the
mini-batch size is 16, 32 and 128 for 64^3, 32^3 and 16^3, respectively). The weight decay and momentum are set to be
0.0005 and 0.9, respectively."
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from PDACScreeningLib.config import OptimizerSpec
from PDACScreeningLib.network.checkpoint import Checkpoint
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.training.batch_feed import BatchFeed, feed_threads
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.checkpoint_folder import Notify
from PDACScreeningLib.training.learner import NetworkState, new_learner
from PDACScreeningLib.training.patch_source import PatchSource, cases_on_device
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.run_record import RunRecord, TrainingRun
from PDACScreeningLib.training.scan_validation import scans_to_watch
from PDACScreeningLib.training.step import StepSpec, training_step
from PDACScreeningLib.training.training_state import TrainingState
from PDACScreeningLib.training.validation import Validation, split_store

_LOG = logging.getLogger(__name__)
_ALONE = Ranks()


class Stopwatch:
    """Time since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def minutes(self) -> float:
        """Minutes since then."""
        return (time.monotonic() - self._started) / 60


def never() -> bool:
    """For callers that do not stop a training early."""
    return False


def train(
    run: TrainingRun,
    store: CaseStore,
    on_progress: OnProgress = ignore_progress,
    *,
    should_stop: Callable[[], bool] = never,
    notify: Notify = _LOG.warning,
    ranks: Ranks = _ALONE,
    start: NetworkState | None = None,
) -> Checkpoint:
    """Train until `config.iterations` are done, from the run folder's newest checkpoint when it has one.

    The batch of an iteration depends on (seed, scale, iteration) alone, so a stopped training goes on where it was,
    and a killed one ends with the same bits. should_stop: asked after every iteration; when any rank is to stop, all
    save and return what is done so far. store: what may be trained on; `config.validation` sets patients of it aside.
    notify: told in one sentence about a damaged checkpoint that an older one replaces. start: state of a network to
    begin with, instead of random weights; a finished training that is asked for more iterations goes on (ADR 0022).
    Raises CheckpointError when the folder holds a training with other settings or data, DataError when the store has
    another grid than the configuration or the loss is no longer finite on any rank, FolderInUse, WriteError.
    """
    learned, apart = split_store(store, run.config.validation, run.config.seed)
    source = PatchSource(run, learned, ranks)
    step = StepSpec(run.scale, run.config.loss, run.config.screening.intensity, run.runtime, run.accumulate)
    validation = None if apart is None else _validation(run, apart, step, ranks)
    with RunRecord(run, ranks, notify) as record:
        ranks.require_same([to_plain(run.config), store.sha256, run.accumulate], "options or data")
        source.cut_on(cases_on_device(run, learned.cases, on_progress))
        prior = source.class_prior() if run.config.loss.prior_bias else None
        learner = new_learner(run.config, run.scale, run.runtime, ranks, prior, start)
        state = TrainingState(run, store, ranks, learner, record.newest())
        if state.finished_at is not None:
            notify(
                f"finished before after {state.finished_at} iterations; goes on with the rate of the longer schedule"
            )
        record.open_journal(state.done, state.provenance)
        threads = feed_threads(run.scale.patch_size)
        first, last = state.done, run.config.iterations
        saved = Stopwatch()
        with BatchFeed(source.training_batch, first, last, ahead=run.prefetch, threads=threads) as feed:
            for iteration, batch in feed:
                rate = learning_rate(iteration, run.config.iterations, run.config.optimizer)
                loss = training_step(step, learner, batch, rate, ranks)
                if learner.average is not None:
                    learner.average.follow(learner.network, iteration)
                state.done = iteration + 1
                validated = None
                if validation is not None and state.is_due(run.config.validation.every):
                    validated = validation.of(learner.network_for_use())
                    if state.improves(validated.mean_dice):
                        record.save_best(state.checkpoint())
                note = record.add(iteration, loss, rate, feed.waited_s, validated)
                stops, is_time = ranks.any_of(should_stop(), saved.minutes >= run.checkpoint_minutes)
                if stops or is_time or state.is_due(run.checkpoint_every):
                    record.save(state.checkpoint())
                    saved = Stopwatch()
                on_progress(Progress(f"training {run.scale.patch_size}^3", state.done, run.config.iterations, note))
                if stops:
                    break
        return state.checkpoint()


def _validation(run: TrainingRun, apart: CaseStore, step: StepSpec, ranks: Ranks) -> Validation:
    spec = run.config.validation
    scans = scans_to_watch(apart.cases, spec.scans, run.config.seed)
    return Validation(PatchSource(run, apart, ranks), step, spec, scans, run.config.screening, ranks)


def learning_rate(iteration: int, total_iterations: int, spec: OptimizerSpec) -> float:
    """Rate of a 0-based iteration: base * (1 - t/T)^power, after an optional linear rise (ours).

    Raises ValueError for an iteration outside 0..total_iterations - 1.
    """
    if not 0 <= iteration < total_iterations:
        raise ValueError(f"iteration must lie in 0..{total_iterations - 1}, got {iteration}")
    decay: float = (1 - iteration / total_iterations) ** spec.power
    return spec.learning_rate * decay * min(1.0, (iteration + 1) / (spec.warmup_iterations + 1))
