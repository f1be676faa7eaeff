"""training.jsonl: one line an iteration, once, whatever happened in between."""

import errno
import json

import pytest

from PDACScreeningLib.errors import WriteError
from PDACScreeningLib.training import journal as journal_module
from PDACScreeningLib.training.journal import JOURNAL, Journal


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


def write(folder, first, stop, *, loss=1.0):
    with Journal(folder, first) as journal:
        for iteration in range(first, stop):
            journal.add(iteration, loss=loss, head_losses={"main": loss}, learning_rate=0.01, patches=4, waited_s=0.0)


def lines(folder):
    return [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]


def test_a_line_tells_loss_of_every_head_pace_and_wait(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(journal_module, "time", clock)
    with Journal(tmp_path, 0) as journal:
        clock.now += 2.0
        heads = {"auxiliary_1": 0.75, "main": 0.5}
        journal.add(0, loss=0.75, head_losses=heads, learning_rate=0.01, patches=16, waited_s=0.5)
    assert lines(tmp_path) == [
        {
            "iteration": 0,
            "loss": 0.75,
            "head_losses": heads,
            "learning_rate": 0.01,
            "seconds": 2.0,
            "patches_per_s": 8.0,  # 16 in 2 s
            "data_wait_share": 0.25,  # 0.5 s of 2 s
        }
    ]


def test_iterations_that_are_done_again_do_not_stand_twice(tmp_path):
    write(tmp_path, 0, 7, loss=1.0)
    write(tmp_path, 4, 9, loss=2.0)  # killed in iteration 7, its last checkpoint had 4 done
    assert [line["iteration"] for line in lines(tmp_path)] == list(range(9))
    assert [line["loss"] for line in lines(tmp_path)] == [1.0] * 4 + [2.0] * 5


def test_a_line_cut_short_is_dropped(tmp_path):
    write(tmp_path, 0, 3)
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-5])
    write(tmp_path, 2, 4)
    assert [line["iteration"] for line in lines(tmp_path)] == [0, 1, 2, 3]


def test_a_journal_of_an_earlier_version_with_repeated_lines_is_put_in_order(tmp_path):
    old = [{"iteration": t, "loss": 0.5} for t in (0, 1, 2, 1, 2, 3)]
    (tmp_path / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in old))
    write(tmp_path, 3, 4)
    assert [line["iteration"] for line in lines(tmp_path)] == [0, 1, 2, 3]


def test_a_whole_journal_is_not_rewritten(tmp_path):
    write(tmp_path, 0, 3)
    before = (tmp_path / JOURNAL).stat().st_ino
    write(tmp_path, 3, 3)
    assert (tmp_path / JOURNAL).stat().st_ino == before


def test_each_line_is_in_the_file_before_the_next_iteration_begins(tmp_path):
    with Journal(tmp_path, 0) as journal:
        journal.add(0, loss=1.0, head_losses={}, learning_rate=0.01, patches=1, waited_s=0.0)
        assert [line["iteration"] for line in lines(tmp_path)] == [0]


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    class FullDisk:
        def write(self, _line):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    with Journal(tmp_path, 0) as journal:
        journal._file.close()
        monkeypatch.setattr(journal, "_file", FullDisk())
        with pytest.raises(WriteError, match=r"training.jsonl.*No space left.*free disk space"):
            journal.add(0, loss=1.0, head_losses={}, learning_rate=0.01, patches=1, waited_s=0.0)


def test_a_folder_that_cannot_be_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="permissions"):
        Journal(tmp_path / "file" / "run", 0)
