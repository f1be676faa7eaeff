"""Claims: one worker at a time, every start counted, and nobody harmed by one that wakes up late."""

import os
import threading

import pytest

from PDACScreeningLib.work_claim import Claim, ClaimBoard, ClaimEnd, Starts

LEASE_S = 60.0


@pytest.fixture
def board(tmp_path):
    return ClaimBoard(tmp_path / "claims", LEASE_S)


def abandon(claim):
    """As if its worker had been killed long ago."""
    claim._over.set()
    os.utime(claim.path, (0, 0))


def test_only_one_worker_gets_a_piece_of_work(board):
    boards, got = [ClaimBoard(board._folder, LEASE_S) for _ in range(16)], []
    gate = threading.Barrier(len(boards))

    def take(own):
        gate.wait()
        got.append(own.take("ct"))

    threads = [threading.Thread(target=take, args=(own,)) for own in boards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in got) == 1


def test_an_abandoned_claim_is_followed_by_the_next_number_and_stays_where_it_is(board):
    first = board.take("ct")
    assert board.take("ct") is None
    abandon(first)
    second = board.take("ct")
    assert (first.path.name, second.path.name) == ("0001", "0002")
    assert first.path.exists()
    assert board.starts("ct") == Starts((), 2)


def test_a_worker_that_wakes_up_late_knows_that_it_lost_and_harms_nothing(board):
    sleeper = Claim(board.take("ct").path, 0.01)
    abandon(sleeper)
    board.take("ct")
    awake = Claim(sleeper.path, 0.01)
    assert _until(lambda: awake.is_lost)
    awake.end(ClaimEnd.FAILED)
    assert board.is_claimed("ct")
    assert board.take("ct") is None


def test_a_claim_is_touched_while_its_worker_lives(board):
    claim = Claim(board.take("ct").path, 0.01)
    os.utime(claim.path, (0, 0))
    assert _until(lambda: claim.path.stat().st_mtime > 0)


@pytest.mark.parametrize("end", [ClaimEnd.DONE, ClaimEnd.FAILED, ClaimEnd.CANCELLED, ClaimEnd.WITHDRAWN])
def test_an_ended_claim_frees_the_work_at_once(board, end):
    board.take("ct").end(end)
    assert not board.is_claimed("ct")
    assert board.take("ct").path.name == "0002"


def test_starts_are_counted_by_how_they_ended(board):
    for end in (ClaimEnd.FAILED, ClaimEnd.CANCELLED, ClaimEnd.WITHDRAWN):
        board.take("ct").end(end)
    abandon(board.take("ct"))
    starts = board.starts("ct")
    assert (starts.all, starts.against) == (3, 2)  # told to stop: a start, but nothing against the scan
    assert board.starts("another") == Starts()


def test_an_error_ends_a_claim_as_failed(board):
    with pytest.raises(ValueError, match="broken"), board.take("ct") as claim:
        raise ValueError("broken")
    assert claim.path.with_name("0001.failed").exists()


def test_the_age_of_a_claim_is_told_by_the_folder_and_not_by_this_machine(board, monkeypatch):
    """The clocks of two machines of a cluster may be minutes apart; a file server has one."""
    board.take("ct")
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert board.take("ct") is None


def test_files_of_others_are_passed_over(board):
    board.take("ct").end(ClaimEnd.DONE)
    (board._folder / "ct" / "notes.txt").write_text("?")
    (board._folder / "ct" / "0009.tmp").write_text("?")
    assert board.take("ct").path.name == "0002"


def _until(condition):
    for _ in range(500):
        if condition():
            return True
        threading.Event().wait(0.01)
    return False
