"""Whatever happens to the newest checkpoint, an older whole one is used."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from stored_trainings import small_checkpoint

from PDACScreeningLib.atomic_file import remove_partial_files
from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.errors import CheckpointError, WriteError
from PDACScreeningLib.network import checkpoint
from PDACScreeningLib.network.checkpoint import BestValidation, encode_checkpoint, load_checkpoint
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder, trained_folders

resource = pytest.importorskip("resource", reason="limits file sizes as POSIX does")


def names(folder):
    """The checkpoints of a folder without their digests."""
    return sorted(re.sub(r"-[0-9a-f]{64}\.pt$", "", path.name) for path in folder.glob("*.pt"))


def test_the_last_two_and_the_best_are_kept(tmp_path):
    folder = CheckpointFolder(tmp_path)
    for iteration in (1, 2, 3, 4):
        folder.save(small_checkpoint(iteration))
    for iteration in (2, 3):
        folder.save_best(small_checkpoint(iteration))
    assert names(tmp_path) == ["best-00000003", "checkpoint-00000003", "checkpoint-00000004"]
    assert folder.newest().iteration == 4
    assert folder.for_use().iteration == 3


def test_the_name_of_a_checkpoint_tells_the_sha256_of_its_content(tmp_path):
    written = CheckpointFolder(tmp_path).save(small_checkpoint(12))
    assert written.name == f"checkpoint-00000012-{hashlib.sha256(written.read_bytes()).hexdigest()}.pt"


def test_everything_of_a_checkpoint_comes_back(tmp_path):
    written = replace(small_checkpoint(5), best=BestValidation(4, 0.5), scaler_state={"scale": 2.0})
    CheckpointFolder(tmp_path).save(written)
    read = CheckpointFolder(tmp_path).newest()
    assert torch.equal(read.network_state["weight"], written.network_state["weight"])
    assert replace(read, network_state={}) == replace(written, network_state={})


@pytest.mark.parametrize("position", [0, 40, -1])
def test_one_changed_byte_in_the_newest_is_found_and_the_one_before_it_is_used(tmp_path, position):
    told = []
    folder = CheckpointFolder(tmp_path, told.append)
    folder.save(small_checkpoint(1))
    path = folder.save(small_checkpoint(2))
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert folder.newest().iteration == 1
    assert len(told) == 1
    assert "SHA-256" in told[0]


def test_a_checkpoint_cut_at_any_length_is_never_read(tmp_path):
    folder = CheckpointFolder(tmp_path, lambda sentence: None)
    folder.save(small_checkpoint(1))
    path = folder.save(small_checkpoint(2))
    content = path.read_bytes()
    for length in range(0, len(content), max(1, len(content) // 60)):
        path.write_bytes(content[:length])
        assert folder.newest().iteration == 1


def test_a_damaged_checkpoint_set_aside_takes_no_place(tmp_path):
    folder = CheckpointFolder(tmp_path, lambda sentence: None)
    folder.save(small_checkpoint(2))
    folder.save(small_checkpoint(4)).write_bytes(b"")
    (aside,) = folder.set_damaged_aside()
    assert aside.name.startswith("damaged-checkpoint-00000004")
    folder.save(small_checkpoint(3))
    assert names(tmp_path)[:2] == ["checkpoint-00000002", "checkpoint-00000003"]
    assert folder.newest().iteration == 3


def test_when_all_are_damaged_the_training_does_not_begin_anew_by_itself(tmp_path):
    folder = CheckpointFolder(tmp_path, lambda sentence: None)
    folder.save(small_checkpoint(1)).write_bytes(b"")
    with pytest.raises(CheckpointError, match="every checkpoint"):
        folder.newest()


def test_a_checkpoint_of_a_newer_version_is_not_taken_for_a_damaged_one(tmp_path, monkeypatch):
    folder = CheckpointFolder(tmp_path)
    folder.save(small_checkpoint(1))
    monkeypatch.setattr(checkpoint, "FORMAT_VERSION", 99)
    newer = folder.save(small_checkpoint(2))
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="use the version that wrote it"):
        folder.newest()
    assert newer.exists()


def test_a_folder_without_checkpoints_has_none(tmp_path):
    assert CheckpointFolder(tmp_path / "none").newest() is None
    assert trained_folders(tmp_path) == []
    with pytest.raises(CheckpointError, match="train"):
        CheckpointFolder(tmp_path).for_use()


def test_a_damaged_best_gives_way_to_the_newest(tmp_path):
    told = []
    folder = CheckpointFolder(tmp_path, told.append)
    folder.save(small_checkpoint(7))
    folder.save_best(small_checkpoint(6)).write_bytes(b"")
    assert folder.for_use().iteration == 7
    assert "best-00000006" in told[0]


def test_a_checkpoint_of_the_first_format_is_read_until_there_are_two_newer_ones(tmp_path):
    run = tmp_path / "run"
    (run / "16").mkdir(parents=True)
    content = torch.load(_encoded(run / "16", small_checkpoint(3)), weights_only=True)
    first = {key: value for key, value in content.items() if key not in ("best", "scaler")} | {"format_version": 1}
    del first["config"]["batch_norm"], first["config"]["validation"]
    torch.save(first, run / "16" / "checkpoint.pt")
    folder = CheckpointFolder(run / "16")
    assert trained_folders(run) == [run / "16"]
    assert (folder.newest().iteration, folder.newest().config) == (3, TrainingConfig())
    assert folder.for_use().iteration == 3
    folder.save(small_checkpoint(4))
    assert folder.newest().iteration == 4
    folder.save(small_checkpoint(5))
    assert names(run / "16") == ["checkpoint-00000004", "checkpoint-00000005"]


def test_a_checkpoint_of_the_second_format_is_read(tmp_path):
    content = torch.load(_encoded(tmp_path, small_checkpoint(3)), weights_only=True) | {"format_version": 2}
    torch.save(content, tmp_path / "checkpoint.pt")
    assert load_checkpoint(tmp_path / "checkpoint.pt").iteration == 3
    torch.save(content | {"format_version": 4}, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of format 3"):
        load_checkpoint(tmp_path / "checkpoint.pt")


def _encoded(folder, checkpoint):
    path = folder / "encoded"
    path.write_bytes(encode_checkpoint(checkpoint))
    return path


def test_a_write_that_fails_at_any_byte_leaves_the_older_checkpoint(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(small_checkpoint(1))
    size = len(encode_checkpoint(small_checkpoint(2)))
    for limit in range(0, size, max(1, size // 100)):
        with file_size_limit(limit), pytest.raises(WriteError, match="free disk space"):
            folder.save(small_checkpoint(2))
        assert folder.newest().iteration == 1
    assert names(tmp_path) == ["checkpoint-00000001"]
    assert folder.save(small_checkpoint(2)).exists()


class file_size_limit:
    """The kernel refuses every write beyond `limit` bytes of a file (EFBIG), as a full disk does (ENOSPC)."""

    def __init__(self, limit):
        self.limit = limit

    def __enter__(self):
        self.earlier = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.earlier[1]))

    def __exit__(self, *_error):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.earlier)


def test_a_full_disk_leaves_the_older_checkpoint(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs rights that this user has not")
    try:
        folder = CheckpointFolder(tmp_path)
        folder.save(small_checkpoint(1))
        (tmp_path / "filler").write_bytes(bytes(os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize))
        with pytest.raises(WriteError, match="No space left"):
            folder.save(small_checkpoint(2))
        assert folder.newest().iteration == 1
        assert list(tmp_path.glob(".partial-*")) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_left_over_temporary_files_are_removed_and_nothing_else(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from PDACScreeningLib import atomic_file\n"
        "atomic_file.write_file(Path(sys.argv[1]), lambda path: os.kill(os.getpid(), signal.SIGKILL))"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c.pt")], check=False)
    assert killed.returncode == -9
    (tmp_path / "other").touch()
    (left,) = remove_partial_files(tmp_path)
    assert left.name.startswith(".partial-")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
