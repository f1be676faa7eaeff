"""A cohort under a real SLURM, with its workers and nodes killed at random: every scan exactly once, and one table.

COHORT_SCANS=500 COHORT_KILLS=60 make test-cohort is the long form; its figures stand in docs/cohort.md.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cohort_scans import write_cohort, write_model

SCANS = int(os.environ.get("COHORT_SCANS", "150"))
KILLS = int(os.environ.get("COHORT_KILLS", "20"))
LEASE_S = 6
PATIENCE_S = max(900, 6 * SCANS)
SLEEP_S = 60 if SCANS > 150 else 25  # several leases

pytestmark = pytest.mark.timeout(2 * PATIENCE_S)  # of the hunt, which takes two minutes on an idle machine


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    return write_cohort(folder / "scans", SCANS), write_model(folder / "model")


class Cohort:
    """A cohort's folder, and the commands a person types about it."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def __call__(self, action, *options, check=True):
        command = [sys.executable, "-m", "PDACScreeningLib", "cohort", action, str(self.folder), *map(str, options)]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert not check or ended.returncode in (0, 3), ended.stderr
        return ended

    def status(self):
        return json.loads(self("status", "--json").stdout)

    def settled(self):
        return sum(1 for _ in self.folder.glob("results/*/*")) + sum(1 for _ in self.folder.glob("quarantine/*/*.json"))

    def table(self):
        self("table")
        return (self.folder / "cohort.csv").read_bytes()


@pytest.fixture(scope="module")
def calm(tmp_path_factory, environment, material):
    """The same cohort without any trouble but that of its own scans, by two workers on this machine."""
    scans, model = material
    cohort = Cohort(tmp_path_factory.mktemp("calm") / "cohort", environment | {"STUB_PACE_S": "0"})
    cohort("plan", scans, "--model", model, "--protocol", "fast", "--lease-s", LEASE_S)
    while cohort.status()["left"]:  # a scan kills its worker
        cohort("work", "--jobs", 2, "--device", "cpu", check=False)
    return cohort


@pytest.fixture(scope="module")
def hunted(tmp_path_factory, environment, material, slurm):
    """The same under SLURM, hunted; with how often something was killed or stopped."""
    scans, model = material
    cohort = Cohort(tmp_path_factory.mktemp("hunted") / "cohort", slurm.environment)
    cohort("plan", scans, "--model", model, "--protocol", "fast", "--lease-s", LEASE_S)
    cohort.interruptions = hunt(cohort, slurm, random.Random(1))
    return cohort


def submit(cohort):
    return cohort("submit", "--workers", 2, "--device", "cpu")


def workers_of(cohort):
    """Process numbers of the workers, not of their children nor of the job's shell."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"work" in words and str(cohort.folder).encode() in words:
            found.append(int(place.parent.name))
    return found


def hunt(cohort, slurm, chance):
    """Kill until the planned number is reached, then let the cohort end; returns the number of interruptions."""
    interruptions, kills = 0, 0
    at = {"node": SCANS // 5, "cancel": SCANS // 3, "sleep": SCANS // 2}  # settled scans at which these happen
    end = time.monotonic() + PATIENCE_S
    sleeper, wakes = None, 0.0
    while time.monotonic() < end:
        settled = cohort.settled()
        if settled >= SCANS:
            break
        if not slurm.jobs():
            submit(cohort)
        if "node" in at and settled >= at["node"]:
            del at["node"]
            slurm.kill_node("n2")
            interruptions += 1
        if "cancel" in at and settled >= at["cancel"]:
            del at["cancel"]
            for job in slurm.jobs():
                slurm.ask("scancel", job)
            slurm.start_node("n2")  # repaired
            interruptions += 2
        awake = [number for number in workers_of(cohort) if number != sleeper]
        if "sleep" in at and settled >= at["sleep"] and awake:
            del at["sleep"]
            sleeper, wakes = awake[0], time.monotonic() + SLEEP_S
            os.kill(sleeper, signal.SIGSTOP)
            interruptions += 1
        if sleeper is not None and time.monotonic() > wakes:
            signal_if_there(sleeper, signal.SIGCONT)
            sleeper = None
        if kills < KILLS and awake and kills < KILLS * settled / (SCANS * 0.7) + 1:
            signal_if_there(chance.choice(awake), signal.SIGKILL)
            kills, interruptions = kills + 1, interruptions + 1
        time.sleep(chance.uniform(0.3, 1.2))
    if sleeper is not None:
        signal_if_there(sleeper, signal.SIGCONT)
    assert kills == KILLS
    assert not at
    return interruptions


def signal_if_there(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def test_every_scan_is_settled_exactly_once_whatever_is_killed(hunted):
    status = hunted.status()
    assert status["left"] == 0
    assert sum(status["counts"].values()) == SCANS
    names = [path.name for path in hunted.folder.glob("results/*/*")]
    names += [path.stem for path in hunted.folder.glob("quarantine/*/*.json")]
    assert len(names) == len(set(names)) == SCANS


def test_the_table_is_that_of_a_calm_run_byte_for_byte(hunted, calm):
    assert hunted.table() == calm.table()


def test_scans_that_end_their_workers_are_put_aside_and_damaged_ones_rejected(calm):
    counts = calm.status()["counts"]
    assert counts["QUARANTINED"] == 2
    assert counts["REJECTED"] == sum(number % 20 == 3 or number % 40 == 13 for number in range(SCANS))
    assert counts["SUSPICIOUS"] > SCANS // 3
    assert counts["NOT_SUSPICIOUS"] > SCANS // 3


def test_hardly_any_work_is_done_twice(hunted):
    """At most one start more for each interruption, and three for each scan that is put aside."""
    status = hunted.status()
    assert status["starts"] <= SCANS + hunted.interruptions + 3 * status["counts"]["QUARANTINED"]


def test_no_committed_scan_is_run_again(hunted):
    for claims in hunted.folder.glob("claims/*/*-*"):
        done = [path for path in sorted(claims.iterdir()) if path.suffix == ".done"]
        if done:
            later = [path for path in claims.iterdir() if int(path.stem) > int(done[0].stem)]
            assert all(path.suffix in (".withdrawn", ".done") for path in later), sorted(claims.iterdir())


def test_nothing_is_left_behind(hunted):
    hunted("work", "--device", "cpu")
    assert list((hunted.folder / "attempts").iterdir()) == []


def test_a_second_run_screens_nothing_and_is_quick(hunted):
    began, before = time.monotonic(), hunted.status()["starts"]
    said = hunted("work", "--device", "cpu").stdout
    assert time.monotonic() - began < 5 + 0.01 * SCANS
    assert "0 scans screened" in said
    assert hunted.status()["starts"] == before


def test_a_changed_model_screens_again_and_keeps_the_old_results_aside(calm, material, tmp_path):
    earlier = calm.table()
    model = write_model(tmp_path / "model", trained_on="something else")
    calm("plan", "--model", model, "--protocol", "fast")
    assert calm.status()["left"] == SCANS
    kept = [path for path in calm.folder.glob("results/*/*/screening.json")]
    assert len(kept) == earlier.count(b"report.html")
    calm("plan", "--model", material[1], "--protocol", "fast")
    assert calm.table() == earlier
