"""The real command as a child process: signals, a listener that dies, `python -m`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from screening_inputs import write_model, write_scan

from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.result_folder import REPORT, SCREENING
from PDACScreeningLib.volume.label_map import Label

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_STOP = 20  # two on a quiet machine; the run itself takes minutes


def screening(output) -> Screening:
    return from_json(json.loads((output / SCREENING).read_text()))


def child(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "PDACScreeningLib", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """Arguments of a screening that takes minutes: many windows, wide networks."""
    folder = tmp_path_factory.mktemp("long")
    scan = write_scan(folder / "scan.nrrd", shape=(96, 160, 160), spacing_mm=2.0)
    model = write_model(folder / "wide", Label.TUMOR, base_width=16, working_spacing_mm=1.0)
    return ["screen", scan, "--model", model, "--device", "cpu", "--progress", "json"]


def wait_for_windows(process):
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "progress" and event["stage"].startswith("coarse") and event["done"] > 0:
            return
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_soon_with_130_and_no_half_written_file(long_run, tmp_path, number):
    with child(*long_run, "--output", tmp_path) as process:
        wait_for_windows(process)
        started = time.monotonic()
        process.send_signal(number)
        rest, complaints = process.communicate(timeout=60)
        seconds = time.monotonic() - started
    assert process.returncode == 130
    assert complaints == ""
    assert json.loads(rest.splitlines()[-1])["outcome"] == "CANCELLED"
    assert {path.name for path in tmp_path.iterdir()} <= {SCREENING, REPORT}
    assert screening(tmp_path).outcome == Outcome.CANCELLED
    assert seconds < SECONDS_TO_STOP


def test_when_the_listener_dies_the_run_stops_without_a_complaint(long_run, tmp_path):
    with child(*long_run, "--output", tmp_path) as process:
        wait_for_windows(process)
        process.stdout.close()
        complaints = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert complaints == ""
    assert screening(tmp_path).outcome == Outcome.CANCELLED


def test_python_m_is_the_same_command(tmp_path):
    scan, model = write_scan(tmp_path / "scan.nii.gz"), write_model(tmp_path / "model", Label.PANCREAS)
    with child("screen", scan, "--output", tmp_path / "out", "--model", model, "--device", "cpu") as process:
        said, complaints = process.communicate(timeout=400)
    assert process.returncode == 3, complaints  # everything is pancreas, up to the border
    assert Outcome.INDETERMINATE.verdict in said
    assert "Traceback" not in complaints
