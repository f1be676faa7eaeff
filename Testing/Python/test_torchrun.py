"""Under torchrun: told to stop it saves, and no rank outlives a launcher that is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_store import small_store

from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

OPTIONS = "--patch-size 16 --recipe short --base-width 1 --iterations 100000 --batch-size 4 --device cpu --threads 1"
SIGNALS = "--signals-to-handle=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"


@pytest.fixture
def launch(tmp_path):
    """Starts torchrun with two ranks of `train`; what is left of them at the end is killed."""
    small_store(tmp_path / "store")
    started = []

    def start():
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", SIGNALS]
        command += ["-m", "PDACScreeningLib", "train", str(tmp_path / "store"), *OPTIONS.split()]
        command += ["--output", str(tmp_path / "run")]
        with (tmp_path / "said.txt").open("ab") as said:
            launcher = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=said, stderr=said)
        started.append(launcher)
        return launcher

    yield start
    for launcher in started:
        launcher.kill()
        launcher.wait()


def ranks_of(launcher):
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    return [int(child) for child in children if b"PDACScreeningLib" in Path(f"/proc/{child}/cmdline").read_bytes()]


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def written_down(folder):
    journal = folder / "training.jsonl"
    return [json.loads(line)["iteration"] for line in journal.read_bytes().splitlines()] if journal.exists() else []


def wait_until(condition, seconds, what):
    stop = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < stop, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def test_torchrun_passes_a_stop_on_and_no_rank_survives_it_by_five_seconds(launch, tmp_path):
    folder = tmp_path / "run" / "16"
    launcher = launch()
    wait_until(lambda: len(written_down(folder)) >= 3, 240, (tmp_path / "said.txt").read_text())
    launcher.send_signal(signal.SIGUSR1)
    launcher.wait(timeout=120)
    saved = CheckpointFolder(folder).newest().iteration
    assert saved == len(written_down(folder)) >= 3

    launcher = launch()
    wait_until(lambda: len(written_down(folder)) >= saved + 3, 240, (tmp_path / "said.txt").read_text())
    ranks = ranks_of(launcher)
    assert len(ranks) == 2
    launcher.kill()
    wait_until(lambda: not any(is_alive(rank) for rank in ranks), 5, "the ranks are gone")
    assert written_down(folder) == list(range(len(written_down(folder))))
    assert CheckpointFolder(folder).newest().iteration == saved
