"""One training at a time in a folder."""

import os
import signal
import subprocess
import sys

import pytest

from PDACScreeningLib.errors import FolderInUse, WriteError
from PDACScreeningLib.training.run_lease import run_lease

HOLDER = (
    "import sys, time; from pathlib import Path; from PDACScreeningLib.training.run_lease import run_lease\n"
    "with run_lease(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
)


def test_a_second_training_in_the_same_folder_is_refused_until_the_first_is_gone_however_it_went(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUse, match="another training is running in"), run_lease(tmp_path):
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with run_lease(tmp_path):
        pass


def test_a_folder_can_be_held_again_after_it_was_given_back(tmp_path):
    for _ in range(2):
        with run_lease(tmp_path / "new" / "run"):
            pass


def test_a_folder_that_cannot_be_made_is_an_error_with_advice(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="choose a folder you may write"), run_lease(tmp_path / "file" / "run"):
        pass


def test_a_read_only_folder_is_an_error_with_advice(tmp_path):
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write into read-only folders")
        with pytest.raises(WriteError, match="choose a folder you may write"), run_lease(tmp_path):
            pass
    finally:
        tmp_path.chmod(0o700)
