"""The layers everything rests on: streams of chance, plain data, progress, the atomic writer, checkpoints."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.errors import CheckpointError, WriteError
from PDACScreeningLib.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.progress import Progress
from PDACScreeningLib.seeding import stream


def test_a_stream_depends_on_its_arguments_alone():
    assert stream(1, "patches", 3).integers(1 << 30) == stream(1, "patches", 3).integers(1 << 30)


def test_streams_of_other_names_seeds_and_counters_differ():
    draws = {
        int(stream(*arguments).integers(1 << 62))
        for arguments in [(1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1), (1, "a"), (1, "a", 0, 0)]
    }
    assert len(draws) == 6


def test_a_stream_is_the_same_in_another_process():
    code = "from PDACScreeningLib.seeding import stream; print(stream(5, 'x', 2).integers(1 << 62))"
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert int(out) == stream(5, "x", 2).integers(1 << 62)


def test_negative_seeds_are_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        stream(-1, "x")


@pytest.mark.parametrize(("done", "total"), [(-1, 3), (4, 3)])
def test_impossible_progress_is_refused(done, total):
    with pytest.raises(ValueError, match="must lie in"):
        Progress("scan", done, total)


@dataclass(frozen=True)
class Inner:
    value: float
    name: str | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...]
    pair: tuple[int, int]
    table: dict[str, float]


OUTER = Outer(Inner(1.5, "a"), (Inner(2.0),), (3, 4), {"x": 5.0})


def test_nested_values_survive_json():
    assert from_plain(Outer, json.loads(json.dumps(to_plain(OUTER)))) == OUTER


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"pair": [3]}, r"Outer\.pair: expected 2 values"),
        ({"pair": 3}, r"Outer\.pair: expected a list"),
        ({"inner": {"value": "x"}}, r"Outer\.inner\.value: expected float"),
        ({"inner": {"valve": 1.0}}, r"Outer\.inner: unknown key"),
        ({"many": [{"name": "b"}]}, r"Outer\.many\[0\]: missing key"),
        ({"inner": None}, r"Outer\.inner: expected an object"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(change, place):
    with pytest.raises(ValueError, match=place):
        from_plain(Outer, to_plain(OUTER) | change)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "deep" / "result.json"
    atomic_file.write_json(target, {"a": 1})
    atomic_file.write_json(target, {"a": 2})
    assert json.loads(target.read_text()) == {"a": 2}
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("library"), ValueError("bad")])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, error):
    target = atomic_file.write_text(tmp_path / "a.txt", "old")

    def fail_halfway(path):
        path.write_text("ha")
        raise error

    with pytest.raises(WriteError, match="could not write .*a.txt"):
        atomic_file.write_file(target, fail_halfway)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_writer_that_fails_on_a_full_disk_is_explained(tmp_path, monkeypatch):
    def fail(_path):
        raise RuntimeError("a library that does not say why")

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=4096))
    with pytest.raises(WriteError, match="No space left on the disk"):
        atomic_file.write_file(tmp_path / "a.txt", fail)


def test_a_file_that_reads_back_differently_is_not_kept(tmp_path):
    def verify(path):
        if path.read_text() != "meant":
            raise ValueError("differs")

    with pytest.raises(WriteError, match="differs"):
        atomic_file.write_file(tmp_path / "a.txt", lambda path: path.write_text("written"), verify)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing_behind(tmp_path):
    def interrupted(path):
        path.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_file.write_file(tmp_path / "a.txt", interrupted)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_told_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="choose a folder you may write"):
        atomic_file.write_text(tmp_path / "file" / "a.txt", "x")


def test_values_json_does_not_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        atomic_file.write_json(tmp_path / "a.json", float("nan"))


def checkpoint():
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return Checkpoint(TrainingConfig(seed=3), 32, 7, network.state_dict(), optimizer.state_dict(), {"torch": "x"})


def test_a_checkpoint_comes_back(tmp_path):
    written = checkpoint()
    read = load_checkpoint(save_checkpoint(written, tmp_path / "c.pt"))
    assert (read.config, read.patch_size, read.iteration, read.provenance) == (
        written.config, 32, 7, written.provenance,
    )  # fmt: skip
    assert all(torch.equal(read.network_state[name], value) for name, value in written.network_state.items())


def test_a_damaged_checkpoint_is_refused_at_every_cut(tmp_path):
    whole = save_checkpoint(checkpoint(), tmp_path / "c.pt").read_bytes()
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            load_checkpoint(tmp_path / "cut.pt")


def test_a_missing_checkpoint_is_told_in_words(tmp_path):
    with pytest.raises(CheckpointError, match="is missing; train first"):
        load_checkpoint(tmp_path / "c.pt")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    torch.save({"format_version": 1, "config": Path("x")}, tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        load_checkpoint(tmp_path / "c.pt")
