"""Many helpers prepare the cases of one store; one `prepare` afterwards finds all done."""

import threading
import time

import pytest
from dataset_trees import GEOMETRY, gland_in_fat
from test_preparation import SPACING_MM, counting, own_cases

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.training.assisted_preparation import CLAIMS, assist
from PDACScreeningLib.training.preparation import prepare
from PDACScreeningLib.work_claim import ClaimBoard


@pytest.fixture
def dataset(tmp_path):
    return own_cases(tmp_path, {name: (*gland_in_fat(seed), GEOMETRY) for seed, name in enumerate("abcd")})


def test_helpers_share_the_cases_and_nothing_is_done_again(tmp_path, dataset, monkeypatch):
    made, store, told = counting(monkeypatch), tmp_path / "store", []
    helpers = [
        threading.Thread(target=lambda: told.append(assist([dataset], store, SPACING_MM, lease_s=60))) for _ in range(3)
    ]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
    assert sorted(made) == ["a", "b", "c", "d"]
    assert sum(one.prepared for one in told) == 4
    assert not (store / "store.json").exists()
    shared = prepare([dataset], store, SPACING_MM)
    assert len(made) == 4
    assert shared == prepare([dataset], tmp_path / "alone", SPACING_MM)


def test_the_case_of_a_helper_that_was_killed_is_taken_over(tmp_path, dataset):
    claim = ClaimBoard(tmp_path / "store" / CLAIMS, 1.0).take("a")
    claim._over.set()
    assert assist([dataset], tmp_path / "store", SPACING_MM, lease_s=1.0).prepared == 4


def test_a_case_that_ends_its_helpers_is_left_to_the_last_run_and_told(tmp_path, dataset):
    board = ClaimBoard(tmp_path / "store" / CLAIMS, 0.05)
    for _ in range(3):
        board.take("a")._over.set()
        time.sleep(0.1)
    done = assist([dataset], tmp_path / "store", SPACING_MM, lease_s=0.05)
    assert (done.prepared, done.left) == (3, ("a",))
    assert len(prepare([dataset], tmp_path / "store", SPACING_MM).cases) == 4


def test_a_helper_that_is_told_to_stop_names_what_is_left(tmp_path, dataset):
    done = assist([dataset], tmp_path / "store", SPACING_MM, should_stop=lambda: True)
    assert (done.prepared, len(done.left)) == (0, 4)


def test_the_command_says_what_to_do_next(tmp_path, dataset, capsys):
    words = ["prepare", str(tmp_path / "cases.csv"), "--working-spacing-mm", "3", "--output", str(tmp_path / "store")]
    assert main([*words, "--assist"]) == 0
    assert "4 cases prepared here. Run the command without --assist" in capsys.readouterr().out
    assert main(words) == 0
