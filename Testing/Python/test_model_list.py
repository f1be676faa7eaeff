"""The list of models, read without torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from PDACScreeningLib.mrml import model_list
from PDACScreeningLib.mrml.model_list import installed_models, model_in

ROOT = Path(__file__).resolve().parents[2]


def write(folder, **fields):
    folder.mkdir(parents=True)
    (folder / model_list.DESCRIPTION).write_text(json.dumps({"name": folder.name, **fields}), encoding="utf-8")
    return folder


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setattr(model_list, "resource", lambda name: tmp_path / name)
    return tmp_path / "Models"


def test_demos_come_last_and_damaged_ones_not_at_all(models):
    write(models / "a-demo", is_demo=True)
    write(models / "real", is_demo=False)
    (models / "broken").mkdir()
    (models / "broken" / model_list.DESCRIPTION).write_text("{", encoding="utf-8")
    assert [entry.wish for entry in installed_models()] == ["real", "a-demo"]


def test_no_folder_of_models_is_no_model(models):
    assert installed_models() == ()


def test_a_model_that_does_not_say_is_treated_as_a_demo(tmp_path):
    assert model_in(write(tmp_path / "unknown")).is_demo


def test_a_folder_is_wished_for_by_its_path(tmp_path):
    folder = write(tmp_path / "mine", is_demo=False, name="Mine")
    entry = model_in(folder)
    assert (entry.wish, entry.name) == (str(folder), "Mine")


@pytest.mark.parametrize("content", ["[]", "no json", ""])
def test_what_is_no_description_is_no_model(tmp_path, content):
    (tmp_path / model_list.DESCRIPTION).write_text(content, encoding="utf-8")
    assert model_in(tmp_path) is None


def test_the_card_says_what_the_model_rests_on(tmp_path):
    folder = write(tmp_path / "demo", trained_on="240 phantoms.", notice="demo model, phantoms only", performance="")
    assert model_in(folder).card == (
        "Demo model, phantoms only. Trained on 240 phantoms. Measured performance: unknown."
    )


def test_the_file_name_is_the_one_the_networks_write():
    source = (ROOT / "PDACScreeningLib" / "network" / "model_description.py").read_text(encoding="utf-8")
    assert f'"{model_list.DESCRIPTION}"' in source


def test_listing_models_imports_no_torch():
    code = "import sys, PDACScreeningLib.mrml.model_list as m; m.installed_models(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_long_figures_are_kept_for_the_tool_tip(tmp_path):
    entry = model_in(write(tmp_path / "m", trained_on="240 phantoms", performance="19 of 25 found (0.57 to 0.89)"))
    assert entry.summary == "Trained on 240 phantoms. Measured performance: hold the pointer here."
    assert entry.card == "Trained on 240 phantoms. Measured performance: 19 of 25 found (0.57 to 0.89)."
