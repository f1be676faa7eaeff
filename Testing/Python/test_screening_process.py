"""The child process: it never blocks, and it ends when it is told to."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from PDACScreeningLib.child_run.screening_process import GRACE_S, ScreeningProcess, own_python

POSIX = os.name == "posix"


@pytest.fixture
def start():
    children = []

    def run(code):
        children.append(ScreeningProcess(["-c", code]))
        return children[-1]

    yield run
    for child in children:
        child.close()


def until(condition, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_events_arrive_in_order_and_everything_else_is_kept(start):
    child = start(
        "import sys, json\n"
        "print(json.dumps({'event': 'notice', 'message': 'a'}))\n"
        "print('not json'); print('[1]'); print('{\"no\": \"event\"}')\n"
        "print('a warning', file=sys.stderr)\n"
        "print(json.dumps({'event': 'result'}))\n"
    )
    assert child.wait(20)
    assert [event["event"] for event in child.events()] == ["notice", "result"]
    assert set(child.other_output) == {"not json", "[1]", '{"no": "event"}', "a warning"}
    assert child.exit_code == 0


def test_asking_for_events_does_not_wait_for_them(start):
    child = start("import time; time.sleep(30)")
    began = time.monotonic()
    assert child.events() == []
    assert time.monotonic() - began < 0.5


def test_cancel_ends_a_child_that_listens(start):
    child = start('import time; print(\'{"event": "notice"}\', flush=True); time.sleep(60)')
    until(child.events)
    began = time.monotonic()
    child.cancel()
    assert child.wait(10)
    assert time.monotonic() - began < GRACE_S
    assert child.cancelled


@pytest.mark.skipif(not POSIX, reason="signals that a child can ignore are POSIX")
def test_cancel_ends_a_child_that_does_not_listen_within_two_seconds(start):
    child = start(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print(\'{"event": "notice"}\', flush=True); time.sleep(60)'
    )
    until(child.events)
    began = time.monotonic()
    child.cancel()
    assert child.wait(10)
    assert time.monotonic() - began < 2
    assert child.exit_code == -9


@pytest.mark.skipif(not POSIX, reason="process groups are POSIX")
def test_the_children_of_the_child_end_with_it(start):
    child = start(
        "import subprocess, sys, json, time\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(json.dumps({'event': 'notice', 'pid': inner.pid}), flush=True); time.sleep(60)"
    )
    events = []
    until(lambda: events.extend(child.events()) or events)
    child.close()
    inner = events[0]["pid"]
    until(
        lambda: not Path(f"/proc/{inner}/status").exists() or "State:\tZ" in Path(f"/proc/{inner}/status").read_text()
    )


def test_a_crash_is_an_exit_code(start):
    child = start("import os; os._exit(7)")
    assert child.wait(20)
    assert (child.exit_code, child.running) == (7, False)


def test_a_python_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        ScreeningProcess(["-c", ""], python=str(tmp_path / "no-python"))


def test_an_order_is_one_line(start):
    child = start("import json, sys; print(json.dumps({'event': 'notice', 'got': json.loads(sys.stdin.readline())}))")
    child.send({"scan": "a\nb", "umlaut": "\u00e4"})
    assert child.wait(20)
    assert child.events() == [{"event": "notice", "got": {"scan": "a\nb", "umlaut": "\u00e4"}}]


def test_an_order_to_a_child_that_has_ended_raises(start):
    child = start("pass")
    assert child.wait(20)
    with pytest.raises(OSError, match="Broken pipe"):
        child.send({})


def test_a_child_never_imports_from_the_folder_its_owner_was_started_in(start, tmp_path, monkeypatch):
    (tmp_path / "queue.py").write_text("raise SystemExit('a file of the working folder was imported')")
    monkeypatch.chdir(tmp_path)
    child = ScreeningProcess(["-m", "PDACScreeningLib", "--version"])
    assert child.wait(20)
    assert child.events() == []
    assert (child.exit_code, child.other_output[-1].split()[0]) == (0, "pdac-screening")
    child.close()


def test_the_python_is_slicers_launcher_where_there_is_one(tmp_path, monkeypatch):
    """In Slicer `sys.executable` is empty while modules are imported; PythonSlicer is on the PATH all the time."""
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(FileNotFoundError, match="PythonSlicer"):
        own_python()
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text("#!/bin/sh\n")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_python() == str(launcher)


def test_the_library_is_found_from_any_folder(start):
    child = start("import PDACScreeningLib.errors")
    assert child.wait(20)
    assert child.exit_code == 0


def test_the_module_needs_the_standard_library_only():
    code = (
        "import sys, PDACScreeningLib.child_run.screening_process, PDACScreeningLib.child_run.run_failure\n"
        "sys.exit(bool({'numpy', 'torch', 'slicer'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
