"""The memory of tensors lies in huge pages, where Linux has them (ADR 0045)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HAS_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled").exists()
MAPPING_OF_A_TENSOR = """
import PDACScreeningLib.network.window_predictor
import torch
tensor = torch.ones(1 << 24)
place, inside = tensor.data_ptr(), False
for line in open("/proc/self/smaps"):
    words = line.split()
    if "-" in words[0]:
        low, high = (int(end, 16) for end in words[0].split("-"))
        inside = low <= place < high
    elif inside and words[0] == "VmFlags:":
        print("hg" in words)
"""


@pytest.mark.skipif(not HAS_HUGE_PAGES, reason="this system has no huge pages")
@pytest.mark.parametrize(("wish", "asked"), [(None, "True"), ("0", "False")])
def test_large_tensors_ask_for_huge_pages_unless_the_environment_forbids_it(wish, asked):
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    environment |= {"PYTHONPATH": str(ROOT)} | ({} if wish is None else {"THP_MEM_ALLOC_ENABLE": wish})
    finished = subprocess.run(
        [sys.executable, "-c", MAPPING_OF_A_TENSOR], capture_output=True, text=True, env=environment, check=True
    )
    assert finished.stdout.split() == [asked]


def test_the_package_that_asks_does_not_import_torch_itself():
    code = "import sys, PDACScreeningLib.network; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
