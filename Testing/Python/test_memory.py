"""A scan takes the memory that docs/architecture.md says, and no array of its size more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ONE_ARRAY_MORE = 0.7  # bytes a voxel: the smallest that an array of the scan's size can have is 1
USUAL = {"reading": 2.2, "screening": 3.1, "writing": 4.2}  # measured with this scan; 2 of each are the CT itself


def peaks(folder, *, change=""):
    """Bytes a voxel at the peak of each step, of a scan in a process of its own. change: code that runs before."""
    scenario = HERE / "memory_scenario.py"
    code = f"import sys; sys.argv = ['', {str(folder)!r}]\n{change}\nimport runpy; runpy.run_path({str(scenario)!r}, "
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(HERE.parents[1]), str(HERE))),
        "OMP_NUM_THREADS": "1",
    }
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}run_name='__main__')"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def too_much(found):
    return {step for step, usual in USUAL.items() if found[step] > usual + ONE_ARRAY_MORE}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are told by Linux only")
def test_no_step_holds_one_more_array_of_the_size_of_the_scan(tmp_path):
    assert not too_much(peaks(tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are told by Linux only")
@pytest.mark.parametrize(
    ("step", "module", "function"),
    [
        ("reading", "PDACScreeningLib.scan_files.input_check", "check_content"),
        ("screening", "PDACScreeningLib.inference.screening", "with_native_volumes"),
        ("writing", "PDACScreeningLib.session.answer", "write_report"),
    ],
)
def test_one_more_array_in_a_step_is_noticed(tmp_path, step, module, function):
    change = f"""
import numpy as np, {module} as module
own = module.{function}
def with_a_mask(*arguments, **options):
    mask = np.ones((200, 512, 512), np.bool_)
    try:
        return own(*arguments, **options)
    finally:
        del mask
module.{function} = with_a_mask
"""
    assert step in too_much(peaks(tmp_path, change=change))
