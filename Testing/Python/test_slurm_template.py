"""The SLURM template with stand-ins for srun and scontrol: what it starts, and when it goes back in line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_store import small_store

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "docs" / "slurm" / "train.sbatch"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SLURM runs on Linux")

# Notes its arguments, then behaves as it is told: ends with a code, or waits for a signal first.
SRUN = """#!/bin/bash
printf '%s\\n' "$@" > "$NOTES/srun"
if [ -n "${SRUN_WAITS_FOR:-}" ]; then
    trap 'sleep 0.2; exit "$SRUN_CODE"' "$SRUN_WAITS_FOR"
    touch "$NOTES/started"
    while true; do sleep 0.05; done
fi
exit "$SRUN_CODE"
"""
# Starts one task for real, as srun does: without its own options, with the number of the task.
STARTING_SRUN = """#!/bin/bash
while [[ "$1" == --* ]]; do shift; done
export SLURM_PROCID=0 SLURM_LOCALID=0
touch "$NOTES/started"
exec "$@"
"""
SCONTROL = """#!/bin/bash
printf '%s\\n' "$*" >> "$NOTES/scontrol"
if [ "$1 $2" = "show hostnames" ]; then printf 'node7\\nnode8\\n'; exit 0; fi
exit "${SCONTROL_CODE:-0}"
"""


class Cluster:
    """A folder with the stand-ins and with what they noted."""

    def __init__(self, folder, srun=SRUN):
        self.notes = folder / "notes"
        self.notes.mkdir(parents=True)
        for name, script in (("srun", srun), ("scontrol", SCONTROL)):
            path = folder / name
            path.write_text(script)
            path.chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "PDAC_"))}
        array = {"SLURM_JOB_ID": "41", "SLURM_ARRAY_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "1", "SLURM_NTASKS": "1"}
        self.environment = clean | array | {"NOTES": str(self.notes), "PATH": f"{folder}:{clean['PATH']}"}

    def start(self, *arguments, **settings):
        environment = self.environment | settings
        command = ["bash", str(TEMPLATE), *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments, **settings):
        job = self.start(*arguments, **settings)
        out, err = job.communicate(timeout=400)
        return job.returncode, out, err

    def noted(self, name):
        path = self.notes / name
        return path.read_text().splitlines() if path.exists() else []

    def until_started(self):
        end = time.monotonic() + 60
        while not (self.notes / "started").exists() and time.monotonic() < end:
            time.sleep(0.02)


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path / "cluster")


@pytest.mark.parametrize(("task", "size"), [("0", "64"), ("1", "32"), ("2", "16")])
def test_each_task_of_the_array_trains_one_network(cluster, task, size):
    arguments = ("my store", "run", "--fold", "2")
    assert cluster.run(*arguments, SRUN_CODE="0", SLURM_ARRAY_TASK_ID=task)[0] == 0
    started = cluster.noted("srun")
    command = started[started.index("pdac-screening") :]
    expected = ["train", "my store", "--patch-size", size, "--output", "run", "--device", "cuda", "--progress", "none"]
    assert command == ["pdac-screening", *expected, "--fold", "2"]


def test_code_75_goes_back_into_the_queue(cluster):
    code, out, _ = cluster.run("store", "run", SRUN_CODE="75")
    assert code == 75
    assert cluster.noted("scontrol") == ["requeue 40_1"]
    assert "back in the queue" in out


def test_a_job_that_is_no_array_goes_back_under_its_own_number(cluster):
    cluster.run("store", "run", SRUN_CODE="75", SLURM_ARRAY_JOB_ID="", SLURM_ARRAY_TASK_ID="0")
    assert cluster.noted("scontrol") == ["requeue 41"]


@pytest.mark.parametrize("code", ["0", "2", "5", "130", "137"])
def test_every_other_code_is_final(cluster, code):
    assert cluster.run("store", "run", SRUN_CODE=code)[0] == int(code)
    assert cluster.noted("scontrol") == []


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_signal_before_the_time_limit_reaches_the_training_and_its_code_is_awaited(cluster, number):
    job = cluster.start("store", "run", SRUN_CODE="75", SRUN_WAITS_FOR=number.name)
    cluster.until_started()
    job.send_signal(number)
    job.communicate(timeout=60)
    assert job.returncode == 75
    assert cluster.noted("scontrol") == ["requeue 40_1"]


def test_a_training_that_ends_on_the_signal_for_another_reason_is_not_queued(cluster):
    job = cluster.start("store", "run", SRUN_CODE="5", SRUN_WAITS_FOR="SIGUSR1")
    cluster.until_started()
    job.send_signal(signal.SIGUSR1)
    job.communicate(timeout=60)
    assert job.returncode == 5
    assert cluster.noted("scontrol") == []


def test_restarts_end_somewhere(cluster):
    code, _, err = cluster.run("store", "run", SRUN_CODE="75", SLURM_RESTART_COUNT="3", PDAC_MAX_RESTARTS="3")
    assert code == 75
    assert cluster.noted("scontrol") == []
    assert "submit it again" in err


def test_a_queue_that_refuses_is_told(cluster):
    code, _, err = cluster.run("store", "run", SRUN_CODE="75", SCONTROL_CODE="1")
    assert code == 75
    assert "could not be put back" in err


def test_several_tasks_are_told_their_rank_and_where_they_meet(tmp_path):
    report = 'import os, sys; print(*(os.environ[n] for n in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR")))'
    program = tmp_path / "report.py"
    program.write_text(report)
    cluster = Cluster(tmp_path / "cluster", STARTING_SRUN)
    settings = {"SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": "node[7-8]", "PDAC_TRAIN": f"{sys.executable} {program}"}
    code, out, err = cluster.run("store", "run", **settings)
    assert (code, out) == (0, "0 2 0 node7\n"), err
    assert cluster.noted("scontrol") == ["show hostnames node[7-8]"]


def test_a_single_task_is_no_rank(tmp_path):
    program = tmp_path / "report.py"
    program.write_text('import os; print("RANK" in os.environ, "MASTER_ADDR" in os.environ)')
    cluster = Cluster(tmp_path / "cluster", STARTING_SRUN)
    assert cluster.run("store", "run", PDAC_TRAIN=f"{sys.executable} {program}")[1] == "False False\n"


def test_without_store_and_run_it_tells_how_to_use_it(cluster):
    code, _, err = cluster.run("store", SRUN_CODE="0")
    assert code == 2
    assert "STORE RUN" in err
    assert cluster.noted("srun") == []


@pytest.mark.slow
def test_a_real_training_is_stopped_queued_and_finished_by_the_next_start(tmp_path):
    small_store(tmp_path / "store")
    cluster = Cluster(tmp_path / "cluster", STARTING_SRUN)
    train = f"{sys.executable} {ROOT / 'train.py'}"
    options = ("--recipe", "short", "--base-width", "1", "--batch-size", "2", "--checkpoint-every", "1000")
    here = (str(tmp_path / "store"), str(tmp_path / "run"), *options, "--device", "cpu", "--threads", "1")
    settings = {"PDAC_TRAIN": train, "SLURM_ARRAY_TASK_ID": "2"}
    job = cluster.start(*here, "--iterations", "100", **settings)
    journal = tmp_path / "run" / "16" / "training.jsonl"
    end = time.monotonic() + 120
    while not (journal.exists() and journal.stat().st_size) and job.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    job.send_signal(signal.SIGUSR1)
    out, err = job.communicate(timeout=400)
    assert job.returncode == 75, out + err
    assert cluster.noted("scontrol") == ["requeue 40_2"]
    assert cluster.run(*here, "--iterations", "100", SLURM_RESTART_COUNT="1", **settings)[0] == 0
    assert len(journal.read_text().splitlines()) == 100
