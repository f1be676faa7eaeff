"""What the build server installs is locked: exact versions, each with its digest, and everything that is asked for."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINNED = re.findall(r"^([a-z0-9-]+)==([^ \n;]+)", LOCK, re.MULTILINE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ]", name)[0]).lower()


def test_everything_that_is_asked_for_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = {normal(name) for name in [*project["dependencies"], *extras["test"], *extras["evaluation"]]}
    assert asked - {"pdac-screening"} <= {name for name, _ in PINNED}


def test_every_version_has_digests_and_no_place_is_named():
    blocks = re.split(r"^(?=[a-z0-9-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(PINNED) > 50
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK


def test_torch_is_the_build_that_the_checks_ran_with():
    assert f"torch=={dict(PINNED)['torch']}" in (ROOT / "constraints.txt").read_text(encoding="utf-8")
