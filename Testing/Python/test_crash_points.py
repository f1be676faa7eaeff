"""The quick part of `make test-crash`: a process of its own, because killed children are forked from it."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_no_crash_and_no_full_disk_mixes_or_loses_a_result():
    code = "from crash_points import play; print(*play(60, 3, 8), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "file_operations: {'killed': 60}" in done.stdout
    assert "full_disks: {'refused': 8}" in done.stdout
    assert "random_moments: {'killed': 3" in done.stdout
