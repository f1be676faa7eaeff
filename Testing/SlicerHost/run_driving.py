"""Small scans, tiny models and children that misbehave, for tests that drive runs and the panel."""

import json
import stat
import time

import slicer
from screening_inputs import write_scan
from slicer_host.launcher import REAL_PYTHON

PATIENCE_S = 120  # a child imports torch, on a machine that may be busy


def load_scan(folder, name="CT", **options):
    """A scan of a cylinder, read by Slicer's own reader."""
    node = slicer.util.loadVolume(str(write_scan(folder / f"{name}.nrrd", **options)))
    node.SetName(name)
    return node


def fake_python(folder, code):
    """An executable that does `code` when it gets an order; `scan` and `folder` are what the order names."""
    path = (
        folder / f"fake-python-{len(list(folder.glob('fake-python-*')))}"
    )  # another one each time: a warm one answers as before
    path.write_text(
        f"#!{REAL_PYTHON}\nimport json, os, sys, time\n"
        "order = json.loads(sys.stdin.readline())\n"
        "scan, folder = order['request']['scan'], order['folder']\n"
        f"{code}\n",
        encoding="utf-8",
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def until(condition, patience_s=PATIENCE_S, between=None):
    """Let Qt's events happen until something is true. between: called each time round."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        if between is not None:
            between()
        slicer.app.processEvents()
        time.sleep(0.01)


def replaying_python(folder, result):
    """An executable that answers every order with a result folder made before, as a worker does that is very fast."""
    event = {"event": "result", "outcome": "SUSPICIOUS", "reason": "", "score": 0.5, "output": "", "exit_code": 0}
    return fake_python(
        folder,
        "import shutil\n"
        "while True:\n"
        f"    shutil.copytree({str(result)!r}, folder); print({json.dumps(event)!r}, flush=True)\n"
        "    line = sys.stdin.readline()\n"
        "    if not line: break\n"
        "    folder = json.loads(line)['folder']",
    )
