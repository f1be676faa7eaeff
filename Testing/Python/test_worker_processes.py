"""Work on many items in several processes."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from PDACScreeningLib.worker_processes import each_as_finished


def own_process(_item):
    return os.getpid()


@pytest.mark.slow
def test_several_jobs_are_other_processes_with_the_same_results():
    assert sorted(each_as_finished(math.factorial, range(6), 2)) == [1, 1, 2, 6, 24, 120]
    assert os.getpid() not in set(each_as_finished(own_process, range(2), 2))


@pytest.mark.slow
def test_the_error_of_an_item_is_raised():
    with pytest.raises(ValueError, match="negative"):
        list(each_as_finished(math.factorial, [1, -1, 2], 2))


def announce(folder):
    """Says its process id, and works for as long as the test lasts."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc about processes")
def test_workers_do_not_outlive_a_parent_that_is_killed(tmp_path):
    pool = "from PDACScreeningLib.worker_processes import each_as_finished"
    require_an_end_with_the_parent(tmp_path, pool, f"list(each_as_finished(announce, [{str(tmp_path)!r}] * 2, 2))")


def require_an_end_with_the_parent(folder, before, begin):
    """Two workers that `announce` themselves in a folder end when their parent is killed. before, begin: its code."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from test_worker_processes import announce\n{before}\n"
        f"if __name__ == '__main__':\n    {begin}\n"
    )
    script = folder / "parent" / "parent.py"
    script.parent.mkdir()
    script.write_text(code)
    root = str(Path(__file__).resolve().parents[2])
    parent = subprocess.Popen([sys.executable, str(script)], cwd=root, env=os.environ | {"PYTHONPATH": root})
    workers = within(60, lambda: len(found := [int(p.name) for p in folder.iterdir() if p.is_file()]) == 2 and found)
    parent.kill()
    parent.wait()
    assert within(10, lambda: not any(map(is_running, workers)))


def within(seconds, answer):
    """The first answer that is true, asked for until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if given := answer():
            return given
        time.sleep(0.1)
    raise AssertionError("no answer in time")


def is_running(pid):
    """Whether a process is there and more than a name that waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_job_works_here_and_in_order():
    assert list(each_as_finished(own_process, "ab", 1)) == [os.getpid()] * 2


def test_no_job_at_all_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        list(each_as_finished(math.factorial, [1], 0))
