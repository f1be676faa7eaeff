"""One real SLURM for all tests of this folder; without its packages the tests are skipped."""

import os
import sys
from pathlib import Path

import pytest
from one_machine_slurm import Slurm, is_installed

ROOT = Path(__file__).resolve().parents[2]
STUB = Path(__file__).with_name("stub")

sys.path.insert(0, str(ROOT / "Testing" / "Python"))


@pytest.fixture(scope="session")
def environment():
    """Of every command: the library of this checkout, and the network that is a threshold instead of torch."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "PDAC_"))}
    path = os.pathsep.join([str(STUB), str(ROOT)])
    return clean | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "STUB_PACE_S": "0.5"}


@pytest.fixture(scope="session")
def slurm(tmp_path_factory, environment):
    if not is_installed():
        pytest.skip("SLURM is not installed (Debian: slurm-wlm, munge)")
    cluster = Slurm(tmp_path_factory.mktemp("slurm"), environment)
    cluster.start()
    yield cluster
    cluster.stop()
