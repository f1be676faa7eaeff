"""The training core learns, resumes where it stopped, and refuses what does not fit."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_store import SPACING_MM, small_store

from PDACScreeningLib.config import (
    PAPER_SCALES,
    NetworkSpec,
    OptimizerSpec,
    PatchSampling,
    ScaleSpec,
    ScreeningConfig,
    TrainingConfig,
)
from PDACScreeningLib.errors import Cancelled, CheckpointError, DataError
from PDACScreeningLib.evaluation.case_result import dice
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.training import patch_source, trainer
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.patch_sampling import PatchBatch
from PDACScreeningLib.training.ranks import Ranks
from PDACScreeningLib.training.recipes import paper_recipe, short_recipe
from PDACScreeningLib.training.run_record import RunRecord, TrainingRun
from PDACScreeningLib.training.step import to_device
from PDACScreeningLib.training.trainer import train
from PDACScreeningLib.volume.intensity import normalize

SCALE = ScaleSpec(patch_size=16, stride=8, batch_size=8, loss_weights=(1.0, 3.0))


def tiny_config(iterations):
    config = short_recipe(SPACING_MM, base_width=4, iterations=iterations)
    screening = ScreeningConfig(scales=(SCALE,), network=NetworkSpec(4, 0.01), working_spacing_mm=SPACING_MM)
    return replace(config, screening=screening, sampling=PatchSampling(roi_margin_voxels=8))


def tiny_run(folder, iterations, **changes):
    config = replace(tiny_config(iterations), **changes)
    return TrainingRun(folder, SCALE, config, Runtime("cpu", "fp32"), checkpoint_every=2)


def test_a_short_training_learns_its_cases(tmp_path):
    store = small_store(tmp_path / "store")
    run = tiny_run(tmp_path / "run", 80, augmentation=False, optimizer=OptimizerSpec("adamw", learning_rate=0.01))
    screening = replace(run.config.screening, network=NetworkSpec(8, 0.01))
    checkpoint = train(replace(run, config=replace(run.config, screening=screening)), store)
    network = SegmentationNetwork(SCALE, screening.network).eval()
    network.load_state_dict(checkpoint.network_state)
    case, window = store.cases[0], screening.intensity
    image = (np.clip(case.hu.astype(np.float32), window.lower_hu, window.upper_hu) - window.mean_hu) / window.std_hu
    with torch.inference_mode():
        labels = network(torch.from_numpy(image[:40, :40, :48])[None, None]).argmax(1)[0].numpy()
    truth = case.labels[:40, :40, :48]
    assert dice(labels == 1, truth == 1) > 0.8
    assert dice(labels == 2, truth == 2) > 0.6


def test_a_stopped_training_ends_with_the_same_weights(tmp_path):
    store = small_store(tmp_path / "store")
    calm = train(tiny_run(tmp_path / "calm", 6), store)

    def stop_after_four(progress):
        if progress.done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(tiny_run(tmp_path / "stopped", 6), store, stop_after_four)
    resumed = train(tiny_run(tmp_path / "stopped", 6), store)
    assert calm.network_state.keys() == resumed.network_state.keys()
    assert all(torch.equal(calm.network_state[name], resumed.network_state[name]) for name in calm.network_state)


def test_another_configuration_does_not_go_on_from_a_checkpoint(tmp_path):
    store = small_store(tmp_path / "store")
    train(tiny_run(tmp_path / "run", 2), store)
    with pytest.raises(CheckpointError, match="other settings"):
        train(tiny_run(tmp_path / "run", 2, seed=1), store)


def test_other_data_does_not_go_on_from_a_checkpoint(tmp_path):
    train(tiny_run(tmp_path / "run", 2), small_store(tmp_path / "store"))
    with pytest.raises(CheckpointError, match="other settings or data"):
        train(tiny_run(tmp_path / "run", 2), small_store(tmp_path / "other", cases=2))


def test_a_store_on_another_grid_is_refused(tmp_path):
    run = tiny_run(tmp_path / "run", 2, screening=replace(tiny_config(2).screening, working_spacing_mm=1.0))
    with pytest.raises(DataError, match="prepared at 2.0 mm"):
        train(run, small_store(tmp_path / "store"))


def test_a_loss_that_is_not_finite_stops_before_it_is_saved(tmp_path):
    config = tiny_config(50)
    exploding = replace(config.optimizer, name="sgd", learning_rate=1e30, warmup_iterations=0)
    run = tiny_run(tmp_path / "run", 50, optimizer=exploding)
    with pytest.raises(DataError, match="loss became|weights are not finite"):
        train(run, small_store(tmp_path / "store"))
    saved = CheckpointFolder(run.folder).newest()
    assert saved is None or all(torch.isfinite(tensor).all() for tensor in saved.network_state.values())


def test_the_journal_has_one_line_an_iteration(tmp_path):
    train(tiny_run(tmp_path / "run", 4), small_store(tmp_path / "store"))
    lines = [json.loads(line) for line in (tmp_path / "run" / "training.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [0, 1, 2, 3]
    assert all(line["loss"] > 0 and line["patches_per_s"] > 0 for line in lines)
    assert all(line["head_losses"].keys() == {"auxiliary_1", "main"} for line in lines)
    loss = [line["head_losses"]["auxiliary_1"] / 3 + line["head_losses"]["main"] for line in lines]
    assert [line["loss"] for line in lines] == pytest.approx(loss, abs=1e-5)  # 1:3, in units of the main loss


def test_the_journal_of_a_stopped_training_has_every_iteration_once(tmp_path):
    store = small_store(tmp_path / "store")
    run = tiny_run(tmp_path / "run", 6)

    def stop_after_five(progress):
        if progress.done == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(run, store, stop_after_five)
    train(run, store)  # from the checkpoint of iteration 4: the fifth is done again
    lines = (tmp_path / "run" / "training.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == [0, 1, 2, 3, 4, 5]


def test_batches_made_ahead_of_time_end_in_the_same_weights(tmp_path):
    store = small_store(tmp_path / "store")
    calm, ahead = (
        train(replace(tiny_run(tmp_path / str(prefetch), 4), prefetch=prefetch), store).network_state
        for prefetch in (0, 4)
    )
    assert all(torch.equal(calm[name], ahead[name]) for name in calm)


def test_progress_tells_loss_and_pace(tmp_path):
    seen = []
    train(tiny_run(tmp_path / "run", 2), small_store(tmp_path / "store"), seen.append)
    assert [(progress.stage, progress.done, progress.total) for progress in seen] == [
        ("training 16^3", 1, 2),
        ("training 16^3", 2, 2),
    ]
    assert re.fullmatch(r"loss \d+\.\d{3}, \d+ patches/s", seen[-1].note)


def test_the_papers_recipe_is_the_default_configuration():
    assert paper_recipe(1.0) == TrainingConfig()


def test_sgd_with_momentum_trains_too(tmp_path):
    config = replace(paper_recipe(SPACING_MM), screening=tiny_config(2).screening, iterations=2)
    run = TrainingRun(tmp_path / "run", SCALE, config, Runtime("cpu", "fp32"))
    state = train(run, small_store(tmp_path / "store")).optimizer_state
    assert state["param_groups"][0]["momentum"] == 0.9
    assert state["param_groups"][0]["weight_decay"] == 0.0005


def test_training_and_screening_scale_intensities_alike():
    hu = np.array([-1024, -100, -99, 0, 70, 239, 240, 3000], np.int16).reshape(1, 2, 2, 2)
    window = ScreeningConfig().intensity
    image, _ = to_device(PatchBatch(hu, np.zeros(hu.shape, np.uint8)), window, "cpu")
    assert image[0, 0].numpy() == pytest.approx(normalize(hu[0], window), abs=1e-6)


def test_every_iteration_is_computed_at_its_own_rate_also_after_a_stop(tmp_path, monkeypatch):
    rates, step = [], trainer.training_step

    def noting(spec, learner, batch, rate, ranks):
        rates.append(rate)
        return step(spec, learner, batch, rate, ranks)

    monkeypatch.setattr(trainer, "training_step", noting)
    store, run = small_store(tmp_path / "store"), tiny_run(tmp_path / "run", iterations=5)
    train(run, store, should_stop=lambda: len(rates) == 2)
    train(run, store)
    base = run.config.optimizer
    rise = [min(1.0, (t + 1) / (base.warmup_iterations + 1)) for t in range(5)]
    assert rates == pytest.approx([base.learning_rate * rise[t] * (1 - t / 5) ** 0.9 for t in range(5)])


@pytest.mark.parametrize(("size", "share"), [(64, 0.5), (32, 1.0), (16, 1.0)])
def test_only_the_coarse_network_draws_patches_outside_the_roi(tmp_path, monkeypatch, size, share):
    shares, scale = [], next(scale for scale in PAPER_SCALES if scale.patch_size == size)
    monkeypatch.setattr(patch_source, "PatchSampler", lambda _cases, _size, _rule, roi, **_: shares.append(roi))
    config = TrainingConfig(screening=ScreeningConfig(working_spacing_mm=SPACING_MM))
    store = small_store(tmp_path, cases=1)
    patch_source.PatchSource(TrainingRun(tmp_path, scale, config, Runtime("cpu", "fp32")), store, Ranks())
    assert shares == [share]


def test_checkpoints_are_written_by_time(tmp_path, monkeypatch):
    """Every 10 minutes, by the iterations only where that is asked for, and at the end."""
    saved = []

    class ThreeMinutesALook:
        minutes = property(lambda self: self.__dict__.update(passed=self.__dict__.get("passed", 0) + 3) or self.passed)

    monkeypatch.setattr(trainer, "Stopwatch", ThreeMinutesALook)
    monkeypatch.setattr(RunRecord, "save", lambda _record, checkpoint: saved.append(checkpoint.iteration))
    run = replace(tiny_run(tmp_path, iterations=9), checkpoint_every=0)
    assert run.checkpoint_minutes == 10.0
    train(run, small_store(tmp_path / "store"))
    assert saved == [4, 8, 9]
