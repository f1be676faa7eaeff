"""The templates for a site: what their own programs say of them, where these can be had."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from PDACScreeningLib.node.config import read_config

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "docs" / "node"
UNIT, RECIPE = TEMPLATES / "pdac-node.service", TEMPLATES / "Containerfile"
SYSTEMD = shutil.which("systemd-analyze")
HADOLINT = shutil.which("hadolint", path=Path(sys.executable).parent)


def test_the_templates_say_what_the_node_does():
    unit = UNIT.read_text()
    assert "RestartPreventExitStatus=2" in unit  # USAGE
    assert "TimeoutStopSec=30" in unit
    for text in (unit, RECIPE.read_text()):
        assert re.search(r"listen\W+/etc/[\w/-]+\.toml|listen\", \"/etc/node\.toml", text)
    assert read_config(TEMPLATES / "node.toml").screening.model == "demo-phantom"
    mercure = json.loads((TEMPLATES / "mercure.json").read_text())
    assert mercure["rules"]["abdominal_ct_to_pdac"]["target"] in mercure["targets"]


def objections_of_systemd(folder, **changes):
    """What systemd says against the unit when its program is there. changes: of keys."""
    program = folder / "pdac-screening"
    program.touch(0o755)
    text = UNIT.read_text().replace("/opt/pdac-screening/bin/pdac-screening", str(program))
    for key, other in changes.items():
        assert f"{key}=" in text
        text = text.replace(f"{key}=", f"{other}=")
    (folder / UNIT.name).write_text(text)
    command = [SYSTEMD, "verify", "--man=no", str(folder / UNIT.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if UNIT.name in line]


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze is not installed")
def test_systemd_has_nothing_against_the_unit(tmp_path):
    assert objections_of_systemd(tmp_path) == []
    assert "Unknown key" in objections_of_systemd(tmp_path, ProtectSystem="ProtectSystm")[0]


@pytest.mark.skipif(HADOLINT is None, reason="make test-node installs hadolint")
def test_the_linter_of_container_recipes_has_nothing_against_ours(tmp_path):
    assert subprocess.run([HADOLINT, RECIPE], capture_output=True, text=True, check=False).stdout == ""
    (tmp_path / "Containerfile").write_text(RECIPE.read_text().replace("EXPOSE", "EXPOSES"))
    said = subprocess.run([HADOLINT, tmp_path / "Containerfile"], capture_output=True, text=True, check=False)
    assert (said.returncode, "missing whitespace" in said.stdout + said.stderr) == (1, True)
