"""`pdac-screening read` as a process: where it listens, how it ends, and what a killed one leaves."""

import http.client
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from reading_cases import LARGE, Browser, result, scan

from PDACScreeningLib.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("read")
    result(root / "results" / "scan-001", scan(root, 0), LARGE)
    return root / "results"


@pytest.fixture
def started(results, tmp_path):
    """A reading room of its own process, and the browser that was let in: `started("--reader", "r1")`."""
    running = []

    def start(*options):
        command = [sys.executable, "-m", "PDACScreeningLib", "read", str(results), "--no-browser", *options]
        own = ["--keep-in", str(tmp_path / "own"), "--scans", str(results.parent / "ct0.nii.gz")]
        process = subprocess.Popen(
            [*command, *own], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        line = process.stdout.readline()
        entrance = re.search(r"http://127\.0\.0\.1:(\d+)/enter/\S+", line)
        if entrance is None:
            process.kill()
        assert entrance, line + process.stderr.read()
        return process, Browser(int(entrance[1])).enter(entrance[0])

    yield start
    for process in running:
        process.kill()
        process.communicate()


def listening(process):
    """Addresses at which a process listens, as `ss` tells."""
    lines = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[3] for line in lines if f"pid={process.pid}," in line]


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss is not installed")
def test_it_listens_on_this_machine_alone_and_talks_to_nobody(started):
    process, browser = started()
    browser.get("/case/scan-001")
    assert listening(process) == [f"127.0.0.1:{browser.port}"]
    lines = subprocess.run(["ss", "-tupnH"], capture_output=True, text=True, check=True).stdout.splitlines()
    others = {line.split()[5].rpartition(":")[0] for line in lines if f"pid={process.pid}," in line}
    assert others <= {"127.0.0.1"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_at_once_and_give_the_port_back(started, number):
    process, browser = started()
    process.send_signal(number)
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in errors
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", browser.port))


def test_a_killed_room_loses_at_most_the_note_that_was_on_its_way(started, tmp_path):
    """Killed while notes are sent as fast as they go: every one that was answered is there."""
    process, browser = started()
    answered = []
    threading.Timer(1.0, process.kill).start()
    with suppress(OSError, http.client.HTTPException):
        while browser.ask("/case/scan-001/note", {"state": "read", "note": str(len(answered))})[0] == 303:
            answered.append(str(len(answered)))
    process.wait(timeout=10)
    database = sqlite3.connect(tmp_path / "own" / "reading.sqlite")
    stored = [re.search(r'"note": "(\d+)"', row[0])[1] for row in database.execute("select content from entry")]
    database.close()
    assert len(answered) > 3
    assert stored[: len(answered)] == answered
    assert len(stored) - len(answered) <= 1
    _, again = started()
    assert f'maxlength="2000">{stored[-1]}<' in again.get("/case/scan-001").decode()


def test_two_rooms_of_one_folder_get_two_ports_and_write_one_file(started, tmp_path):
    (_, first), (_, second) = started("--reader", "a"), started("--reader", "b")
    assert first.port != second.port
    for browser in (first, second):
        assert browser.ask("/case/scan-001/note", {"state": "read", "note": "x"})[0] == 303
    database = sqlite3.connect(tmp_path / "own" / "reading.sqlite")
    assert sorted(row[0] for row in database.execute("select reader from entry where kind='note'")) == ["a", "b"]
    database.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nowhere"], "holds no result"),
        (["RESULTS", "--reader", "Dr. Who"], "--reader takes letters"),
        (["RESULTS", "--scans", "nowhere"], "does not exist"),
        (["RESULTS", "--keep-in", "RESULTS/scan-001/screening.json"], "name a folder with --keep-in"),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_is_served(results, options, said, capsys):
    given = [option.replace("RESULTS", str(results)) for option in options]
    assert main(["read", *given, "--no-browser"]) == 2
    assert said in capsys.readouterr().err


def test_a_taken_port_is_said(results, tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["read", str(results), "--port", port, "--keep-in", str(tmp_path), "--no-browser"]) == 2
    assert "leave out --port" in capsys.readouterr().err
