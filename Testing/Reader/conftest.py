"""Pages looked at in a real Chromium. `make test-reader` installs it; without it the tests fail."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / "build" / "reader-tools"
sys.path.insert(0, str(HERE.parent / "Python"))


def look(folder, pages):
    """What Chromium finds on pages: one answer for each order (see look.mjs)."""
    chrome = shutil.which("chromium")
    assert chrome, "chromium is not installed: run make test-reader"
    orders = folder / "orders.json"
    orders.write_text(json.dumps({"chrome": chrome, "pages": pages}))
    done = subprocess.run(
        ["node", str(HERE / "look.mjs"), str(orders)], cwd=TOOLS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def looked(tmp_path_factory):
    """Looks at pages: `looked([{"path": ..., "width": 1400, "height": 900}])`."""
    return lambda pages: look(tmp_path_factory.mktemp("look"), pages)
