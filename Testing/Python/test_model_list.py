"""The one list of models, checked, and read without torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from PDACScreeningLib import resources
from PDACScreeningLib.network.model_description import DESCRIPTION, read_description
from PDACScreeningLib.network.model_list import installed_models, model_in
from PDACScreeningLib.network.model_places import PLACE_VARIABLE, imported_models
from PDACScreeningLib.report.model_words import model_card, model_summary
from PDACScreeningLib.screening_result import ModelFacts

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "Resources" / "Models" / "demo-phantom"


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "_PLACES", (tmp_path,))
    return tmp_path / "Models"


def copied(folder):
    """A model folder with the description of the demo model; its weights are not looked at by a list."""
    folder.mkdir(parents=True)
    shutil.copy(DEMO / DESCRIPTION, folder)
    return folder


def edited(folder, **changed):
    path = folder / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "changed",
    [
        {"is_demo": False},
        {"performance": "sensitivity 0.99"},
        {"trained_on": "439 CT scans of patients"},
        {"config": json.loads((DEMO / DESCRIPTION).read_text(encoding="utf-8"))["config"] | {"decision": {}}},
        {"config": []},
        {"name": 7},
    ],
    ids=["is_demo", "performance", "trained_on", "K", "config", "name"],
)
def test_an_edited_model_is_damaged_and_nothing_of_it_is_believed(models, changed):
    edited(copied(models / "edited"), **changed)
    (model,) = installed_models()
    assert (model.name, model.is_usable, model.is_demo) == ("edited", False, True)
    assert model.description is None
    assert DESCRIPTION in model.error


def test_demos_come_after_models_and_damaged_ones_last(models):
    copied(models / "demo")
    edited(copied(models / "a-broken-one"), is_demo=False)
    assert [model.wish for model in installed_models()] == ["demo", "a-broken-one"]


@pytest.mark.parametrize("content", [b"[]", b"no json", b"", b"\xff\xfe", b"[" * 100_000], ids=str)
def test_a_damaged_file_never_breaks_the_list(models, content):
    copied(models / "demo")
    (models / "broken").mkdir()
    (models / "broken" / DESCRIPTION).write_bytes(content)
    assert [(model.wish, model.is_usable) for model in installed_models()] == [("demo", True), ("broken", False)]


def test_no_folder_of_models_is_no_model(models):
    assert installed_models() == ()


def test_a_folder_is_wished_for_by_its_path(tmp_path):
    folder = copied(tmp_path / "mine")
    model = model_in(folder)
    assert (model.wish, model.name) == (str(folder), read_description(DEMO).name)


def test_a_folder_without_a_description_is_no_model(tmp_path):
    assert model_in(tmp_path) is None


def facts(**known):
    return ModelFacts("m", known.get("trained_on", ""), known.get("notice", ""), True, "", "", known.get("figures", ""))


def test_the_card_says_what_the_model_rests_on():
    shown = model_card(facts(trained_on="240 phantoms.", notice="demo model, phantoms only"))
    assert shown == "Demo model, phantoms only. Trained on 240 phantoms. Measured performance: unknown."


def test_long_figures_are_kept_for_the_tool_tip():
    known = facts(trained_on="240 phantoms", figures="19 of 25 found (0.57 to 0.89)")
    assert model_summary(known) == "Trained on 240 phantoms. Measured performance: hold the pointer here."
    assert model_card(known) == "Trained on 240 phantoms. Measured performance: 19 of 25 found (0.57 to 0.89)."


def test_listing_models_imports_no_torch():
    code = (
        "import sys, PDACScreeningLib.network.model_list as m; m.installed_models(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("win32", "AppData/Local"),
        ("darwin", "Library/Application Support"),
        ("linux", ".local/share"),
    ],
)
def test_models_of_a_user_lie_where_the_system_keeps_data(monkeypatch, tmp_path, platform, place):
    for variable in (PLACE_VARIABLE, "LOCALAPPDATA", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert imported_models() == tmp_path / place / "pdac-screening" / "models"
