"""The worker: orders in, events out, one loaded model, and an end with its owner."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from screening_inputs import write_model, write_scan

from PDACScreeningLib.child_run.warm_worker import WarmWorker
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.session import model as session_model
from PDACScreeningLib.session.model import ModelRequest
from PDACScreeningLib.session.work_order import FileRequest, WorkOrder
from PDACScreeningLib.session.worker import Inbox, Worker, read_order, work
from PDACScreeningLib.volume.label_map import Label

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self):
        self.notices, self.results, self.errors = [], [], []

    def notice(self, message):
        self.notices.append(message)

    def progress(self, _progress):
        return

    def result(self, _text, facts):
        self.results.append(facts)

    def error(self, message):
        self.errors.append(message)


class Unstoppable:
    """A stop that never comes."""

    def hook(self, show):
        return show

    def shielded(self):
        return nullcontext()


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return write_scan(tmp_path_factory.mktemp("scan") / "scan.nrrd")


@pytest.fixture
def loads(monkeypatch):
    """The model folders that were really loaded, in order."""
    loaded, real = [], session_model.LazyModel._load

    def load(self):
        loaded.append(self.folder.name)
        return real(self)

    monkeypatch.setattr(session_model.LazyModel, "_load", load)
    return loaded


def order(scan, model, folder, **request):
    return WorkOrder(ModelRequest(str(model), "cpu"), FileRequest(str(scan), **request), str(folder))


def line(order):
    return json.dumps(to_plain(order))


def answer(folder):
    return from_json(json.loads((folder / "screening.json").read_text()))


def test_an_order_survives_its_way_as_a_line():
    sent = WorkOrder(ModelRequest("demo", "cpu", 2.5), FileRequest("ct.mha", "fast", series="2"), "out")
    assert read_order(line(sent)) == sent


def test_the_model_stays_loaded_and_the_answers_are_those_of_the_command_line(scan, loads, tmp_path):
    model, heard = write_model(tmp_path / "model", Label.TUMOR), Heard()
    worker = Worker(heard, Unstoppable())
    for name in ("first", "second"):
        assert worker.obey(line(order(scan, model, tmp_path / name))) is Outcome.SUSPICIOUS
    assert loads == ["model"]
    assert sum(notice.startswith("Computing on") for notice in heard.notices) == 2  # every listener is told
    assert [facts["exit_code"] for facts in heard.results] == [0, 0]
    command = [sys.executable, "-m", "PDACScreeningLib", "screen", str(scan), "--output", str(tmp_path / "typed")]
    subprocess.run([*command, "--model", str(model), "--device", "cpu"], check=True, capture_output=True, cwd=ROOT)
    written = [json.loads((tmp_path / name / "screening.json").read_text()) for name in ("first", "second", "typed")]
    for data in written:
        del data["timings_s"], data["provenance"]["started_utc"], data["files_sha256"]["report.html"]  # it tells times
    assert written[0] == written[1] == written[2]


def test_another_model_is_loaded_when_it_is_asked_for(scan, loads, tmp_path):
    one, two = (write_model(tmp_path / name, Label.TUMOR) for name in ("one", "two"))
    worker = Worker(Heard(), Unstoppable())
    for model in (one, two):
        worker.obey(line(order(scan, model, tmp_path / "out")))
    assert loads == ["one", "two"]


def test_a_model_that_was_trained_anew_in_its_folder_is_loaded_anew(scan, loads, tmp_path):
    model, worker = write_model(tmp_path / "model", Label.TUMOR), Worker(Heard(), Unstoppable())
    assert worker.obey(line(order(scan, model, tmp_path / "out"))) is Outcome.SUSPICIOUS
    time.sleep(0.01)
    write_model(tmp_path / "model", Label.PANCREAS)
    worker.obey(line(order(scan, model, tmp_path / "out")))
    assert loads == ["model", "model"]
    assert answer(tmp_path / "out").tumor_voxels == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no order"), ('{"order": 1}', "unknown key"), ("[]", "expected an object")],
)
def test_a_line_that_is_no_order_is_refused_in_words_and_the_next_one_is_obeyed(text, said, scan, tmp_path):
    heard = Heard()
    worker = Worker(heard, Unstoppable())
    assert worker.obey(text) is Outcome.FAILED
    assert said in heard.errors[0]
    assert heard.results[0]["exit_code"] == 2
    assert worker.obey(line(order(scan, write_model(tmp_path / "model", Label.TUMOR), tmp_path / "out"))) is not None
    assert len(heard.results) == 2


def test_a_model_that_does_not_exist_is_refused_in_words(scan, tmp_path):
    heard = Heard()
    Worker(heard, Unstoppable()).obey(line(order(scan, tmp_path / "none", tmp_path / "out")))
    assert "none" in heard.errors[0]
    assert not (tmp_path / "out").exists()


def test_the_worker_ends_when_no_order_comes_for_a_while():
    reading, writing = os.pipe()
    assert work(Inbox(reading), Worker(Heard(), Unstoppable()), idle_s=0.2) == 0
    os.close(writing)


@pytest.fixture
def long_order(tmp_path):
    """A screening that takes minutes."""
    scan = write_scan(tmp_path / "large.nrrd", shape=(96, 160, 160), spacing_mm=2.0)
    model = write_model(tmp_path / "wide", Label.TUMOR, base_width=16, working_spacing_mm=1.0)
    return order(scan, model, tmp_path / "out")


@pytest.fixture
def child():
    command = [sys.executable, "-m", "PDACScreeningLib", "worker"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        yield process
        process.kill()


def wait_for_windows(process):
    for said in process.stdout:
        event = json.loads(said)
        if event["event"] == "progress" and event["stage"].startswith("coarse") and event["done"] > 0:
            return
    raise AssertionError(process.stderr.read())


def test_the_worker_ends_with_its_owner_while_it_waits(child):
    child.stdin.close()
    assert child.wait(PATIENCE_S) == 0


def test_the_worker_ends_with_its_owner_while_it_computes(child, long_order):
    child.stdin.write(line(long_order) + "\n")
    child.stdin.flush()
    wait_for_windows(child)
    began = time.monotonic()
    child.stdin.close()  # its output stays open: nothing but the end of the orders tells it
    assert child.wait(PATIENCE_S) == 130
    assert time.monotonic() - began < 10


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM is POSIX")
def test_a_cancelled_worker_leaves_an_outcome_and_ends(child, long_order):
    child.stdin.write(line(long_order) + "\n")
    child.stdin.flush()
    wait_for_windows(child)
    child.send_signal(signal.SIGTERM)
    events = [json.loads(said) for said in child.stdout]
    assert events[-1]["event"] == "result"
    assert events[-1]["outcome"] == "CANCELLED"
    assert child.wait(PATIENCE_S) == 130


@pytest.fixture
def workers():
    workers = WarmWorker(warm_s=60)
    yield workers
    workers.close()


def finished(process):
    """Wait for the result of the order under way."""
    deadline, events = time.monotonic() + PATIENCE_S, []
    while not events or events[-1]["event"] != "result":
        assert time.monotonic() < deadline, process.noise
        assert process.running, process.noise
        events += process.events()
        time.sleep(0.02)
    return events


def test_the_next_order_finds_the_same_process_with_the_model_loaded(workers, scan, tmp_path):
    model = write_model(tmp_path / "model", Label.TUMOR)
    process = workers.take()
    process.send(to_plain(order(scan, model, tmp_path / "first")))
    workers.give_back(process, finished(process)[-1]["exit_code"])
    assert workers.is_warm
    again = workers.take()
    assert again is process
    assert not workers.is_warm
    again.send(to_plain(order(scan, model, tmp_path / "second")))
    assert finished(again)[-1]["outcome"] == "SUSPICIOUS"
    assert answer(tmp_path / "second").outcome is Outcome.SUSPICIOUS
    again.close()


@pytest.mark.parametrize("exit_code", [2, 5, 130, None])
def test_a_worker_in_doubt_is_not_kept(workers, exit_code):
    process = workers.take()
    workers.give_back(process, exit_code)
    assert not process.running
    assert not workers.is_warm


def test_a_worker_near_its_end_gets_no_order():
    workers = WarmWorker(warm_s=5)
    process = workers.take()
    workers.give_back(process, 0)
    assert not workers.is_warm
    new = workers.take()
    assert new is not process
    assert not process.running
    new.close()


def test_closing_ends_the_worker_that_waits(workers):
    process = workers.take()
    workers.give_back(process, 0)
    workers.close()
    assert not process.running
