"""TensorBoard shows the journal; without it a training goes on with a sentence."""

import pytest
from small_store import small_store

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.training import training_session
from PDACScreeningLib.training.journal import JournalLine
from PDACScreeningLib.training.loss_curves import FOLDER, LossCurves


def draw(folder, first, stop, loss):
    with LossCurves(folder, first) as curves:
        for iteration in range(first, stop):
            curves.add(JournalLine(iteration, loss, {"main": loss / 2}, 0.01, 1.0, 16.0, 0.0))


def train_with_curves(folder):
    small_store(folder / "store")
    options = "--patch-size 16 --recipe short --iterations 1 --base-width 1 --batch-size 2 --device cpu --tensorboard"
    return main(["train", str(folder / "store"), "--output", str(folder / "run"), *options.split()])


def test_curves_of_a_resumed_training_have_every_iteration_once(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    draw(tmp_path, 0, 4, 8.0)
    draw(tmp_path, 2, 5, 4.0)
    curves = accumulator.EventAccumulator(str(tmp_path / FOLDER)).Reload()
    assert [(event.step, event.value) for event in curves.Scalars("loss/total")] == [
        (0, 8.0), (1, 8.0), (2, 4.0), (3, 4.0), (4, 4.0)
    ]  # fmt: skip
    assert curves.Scalars("loss/main")[0].value == 4.0
    assert set(curves.Tags()["scalars"]) == {
        "loss/total", "loss/main", "learning_rate", "pace/patches_per_s", "pace/data_wait_share"
    }  # fmt: skip


def test_the_option_without_the_package_is_a_sentence_and_no_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training_session, "tensorboard_is_installed", lambda: False)
    assert train_with_curves(tmp_path) == 0
    assert "TensorBoard is not installed" in capsys.readouterr().err
    assert not (tmp_path / "run" / "16" / FOLDER).exists()


def test_the_option_writes_curves_beside_the_journal(tmp_path):
    pytest.importorskip("tensorboard")
    assert train_with_curves(tmp_path) == 0
    assert list((tmp_path / "run" / "16" / FOLDER).glob("events*"))
