"""The SLURM template of a training under a real SLURM: what it starts, and when it goes back in line."""

import json
import re
import sys
import time
from pathlib import Path

import pytest
from small_store import small_store

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "docs" / "slurm" / "train.sbatch"
HERE = ("--gpus-per-node=0", "--cpus-per-task=1", "--mem-per-cpu=200")  # this cluster has no GPU

# Stands for a training: notes how it was started, and ends as a file says; "wait NAME CODE" waits for a signal first.
PROGRAM = """
import json, os, pathlib, signal, sys, time
notes = pathlib.Path({notes!r})
names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "SLURM_RESTART_COUNT")
facts = {{"words": sys.argv[1:], "environment": {{name: os.environ.get(name) for name in names}}}}
(notes / f"{{os.environ['SLURM_ARRAY_TASK_ID']}}-{{os.environ['SLURM_PROCID']}}.{{time.time_ns()}}").write_text(
    json.dumps(facts)
)
told = (notes / "code").read_text().split()
if told[0] == "wait":
    came = []
    signal.signal(getattr(signal, told[1]), lambda *_: came.append(1))
    (notes / "waits").touch()
    while not came:
        time.sleep(0.05)
    (notes / "code").write_text("0")
    sys.exit(int(told[2]))
if told[0] == "once":
    (notes / "code").write_text("0")
sys.exit(int(told[-1]))
"""


class Template:
    """The template, submitted with a program in place of the training."""

    def __init__(self, folder, slurm):
        self.slurm, self.folder = slurm, folder
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.program = folder / "training.py"
        self.program.write_text(PROGRAM.format(notes=str(self.notes)))

    def submit(self, *words, code="0", options=("--array=0",), train=None, max_restarts="50"):
        """Hand it to SLURM and return the job's number."""
        (self.notes / "code").write_text(code)
        train = train or f"{sys.executable} {self.program}"
        given = ["sbatch", "--parsable", *HERE, *options, f"--output={self.folder}/log-%a", f"--chdir={self.folder}"]
        given.append(f"--export=ALL,PDAC_TRAIN={train},PDAC_MAX_RESTARTS={max_restarts}")
        return self.slurm.ask(*given, str(TEMPLATE), *map(str, words)).strip()

    def ended(self, job, patience_s=120):
        """Wait for the end of every task; their last states by number, e.g. {"0": ("COMPLETED", "0:0")}."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            said = self.slurm.ask("scontrol", "show", "job", job)
            states = dict(re.findall(r"ArrayTaskId=([\d,-]+).*?JobState=(\w+)", said, re.DOTALL))
            codes = dict(re.findall(r"ArrayTaskId=([\d,-]+).*?ExitCode=(\d+:\d+)", said, re.DOTALL))
            if states and not set(states.values()) & {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING"}:
                return {task: (states[task], codes[task]) for task in states}
            time.sleep(0.3)
        raise TimeoutError(said)

    def started(self):
        """What each start noted, in order."""
        paths = sorted(self.notes.glob("*-*.*"), key=lambda path: int(path.suffix[1:]))
        return [json.loads(path.read_text()) for path in paths]

    def log(self, task=0):
        return (self.folder / f"log-{task}").read_text()

    def until(self, path, patience_s=60):
        end = time.monotonic() + patience_s
        while not path.exists():
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)


@pytest.fixture
def template(tmp_path, slurm):
    return Template(tmp_path, slurm)


def test_each_task_of_the_array_trains_one_network_and_codes_but_75_are_final(template):
    job = template.submit("my store", "run", "--fold", "2", code="5", options=("--array=0-2",))
    assert set(template.ended(job).values()) == {("FAILED", "5:0")}
    common = ["--output", "run", "--device", "cuda", "--progress", "none", "--fold", "2"]
    expected = [["my store", "--patch-size", size, *common] for size in ("16", "32", "64")]
    assert sorted(start["words"] for start in template.started()) == expected
    assert {start["environment"]["RANK"] for start in template.started()} == {None}  # a single task is no rank


@pytest.mark.parametrize("name", ["USR1", "TERM"])
def test_a_signal_reaches_the_training_and_code_75_goes_back_into_the_queue(template, name):
    job = template.submit("store", "run", code="wait SIGUSR1 75")  # srun would kill its tasks on SIGTERM
    template.until(template.notes / "waits")
    template.slurm.ask("scancel", f"--signal={name}", "--batch", job)
    assert set(template.ended(job).values()) == {("COMPLETED", "0:0")}
    assert [start["environment"]["SLURM_RESTART_COUNT"] for start in template.started()] == [None, "1"]
    assert "back in the queue" in template.log()


def test_a_training_that_ends_on_the_signal_for_another_reason_is_not_queued(template):
    job = template.submit("store", "run", code="wait SIGUSR1 5")
    template.until(template.notes / "waits")
    template.slurm.ask("scancel", "--signal=USR1", "--batch", job)
    assert set(template.ended(job).values()) == {("FAILED", "5:0")}
    assert len(template.started()) == 1


def test_restarts_end_somewhere(template):
    job = template.submit("store", "run", code="75", max_restarts="0")
    assert set(template.ended(job).values()) == {("FAILED", "75:0")}
    assert "submit it again" in template.log()


def test_several_tasks_are_told_their_rank_and_where_they_meet(template):
    job = template.submit("store", "run", options=("--array=0", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1"))
    assert set(template.ended(job).values()) == {("COMPLETED", "0:0")}, template.log()
    seen = [start["environment"] for start in template.started()]
    ranks = sorted((one["RANK"], one["WORLD_SIZE"], one["LOCAL_RANK"], one["MASTER_ADDR"]) for one in seen)
    assert ranks == [("0", "2", "0", "n1"), ("1", "2", "0", "n1")]


def test_without_store_and_run_it_tells_how_to_use_it(template):
    job = template.submit("store")
    assert set(template.ended(job).values()) == {("FAILED", "2:0")}
    assert "STORE RUN" in template.log()
    assert template.started() == []


def test_a_real_training_is_stopped_queued_and_finished_by_the_next_start(template):
    small_store(template.folder / "store")
    options = ("--recipe", "short", "--base-width", "1", "--batch-size", "2", "--checkpoint-every", "1000")
    words = ("store", "run", *options, "--device", "cpu", "--threads", "1", "--iterations", "100")
    job = template.submit(*words, options=("--array=2",), train=f"{sys.executable} {ROOT / 'train.py'}")
    journal = template.folder / "run" / "16" / "training.jsonl"
    template.until(journal, 120)
    template.slurm.ask("scancel", "--signal=USR1", "--batch", job)
    assert set(template.ended(job, 240).values()) == {("COMPLETED", "0:0")}, template.log(2)
    assert "back in the queue" in template.log(2)
    assert len(journal.read_text().splitlines()) == 100
