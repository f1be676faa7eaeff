"""A run's folder goes with the run; one whose owner was killed goes at the next start, a running one never."""

import os
import stat
import subprocess
import sys
import tempfile
import time

import pytest

from PDACScreeningLib.child_run.job_folder import LOCK, JobFolder, sweep_left_over_folders

HOLD = (
    "from PDACScreeningLib.child_run.job_folder import JobFolder\n"
    "own = JobFolder(); print(own.path, flush=True); input()"
)


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def aged(folder):
    """As if it had been made two minutes ago."""
    os.utime(folder, (time.time() - 120,) * 2)
    return folder


@pytest.fixture
def other_program(temporary_folder):
    """Another process with a folder of its own."""
    environment = dict(os.environ, TMPDIR=str(temporary_folder))
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child.folder = aged(temporary_folder / child.stdout.readline().strip())
    yield child
    child.kill()
    child.communicate()


def test_a_folder_is_private_and_named_at_random():
    folder = JobFolder()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert folder.path.name.startswith("pdac-")
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


def test_the_folder_of_a_running_program_stays(other_program):
    assert sweep_left_over_folders() == 0
    assert other_program.folder.exists()


def test_the_folder_of_a_killed_program_goes_with_everything_in_it(other_program):
    (other_program.folder / "result").mkdir()
    (other_program.folder / "result" / "labels.seg.nrrd").write_bytes(b"x")
    aged(other_program.folder)
    other_program.kill()
    other_program.wait()
    assert sweep_left_over_folders() == 1
    assert not other_program.folder.exists()


def test_our_own_running_folder_stays(temporary_folder):
    own = JobFolder()
    aged(own.path)
    assert sweep_left_over_folders() == 0
    assert own.path.exists()
    own.remove()


def test_a_young_folder_stays_because_its_owner_may_be_about_to_lock_it(temporary_folder):
    young = temporary_folder / "pdac-young"
    young.mkdir()
    (young / LOCK).touch()
    assert sweep_left_over_folders() == 0
    aged(young)
    assert sweep_left_over_folders() == 1


def test_what_is_not_ours_stays(temporary_folder):
    without_lock, elsewhere = temporary_folder / "pdac-notes", temporary_folder / "elsewhere"
    without_lock.mkdir()
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    (temporary_folder / "pdac-link").symlink_to(elsewhere)
    for folder in (without_lock, elsewhere):
        aged(folder)
    assert sweep_left_over_folders() == 0
    assert elsewhere.exists()
    assert without_lock.exists()
