import json

import numpy as np
import pytest
from screening_inputs import write_model

from PDACScreeningLib import resources
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.session import installation_check, machine
from PDACScreeningLib.session.machine import machine_text, this_machine
from PDACScreeningLib.volume.label_map import Label

LARGEST_BETWEEN_TWO = installation_check.largest_between_two_answers


@pytest.fixture
def models(tmp_path, monkeypatch):
    """An installation with one good and one damaged model."""
    write_model(tmp_path / "Models" / "good", Label.TUMOR)
    damaged = tmp_path / "Models" / "damaged"
    damaged.mkdir()
    (damaged / "model.json").write_text("{")
    monkeypatch.setattr(resources, "_PLACES", (tmp_path, *resources._PLACES))
    return tmp_path / "Models"


def test_models_lists_what_each_model_rests_on(models, capsys):
    (models / "damaged" / "model.json").unlink()
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("good\n")
    for fact in ("test model, knows nothing", "unknown", "64^3, 32^3, 16^3, 2 channels", "50 voxels or more"):
        assert fact in shown


def test_a_damaged_model_is_listed_as_damaged(models, capsys):
    assert main(["models", "--json"]) == 5
    good, damaged = json.loads(capsys.readouterr().out)["models"]
    assert (damaged["name"], damaged["description"]) == ("damaged", None)
    assert "model.json" in damaged["error"]
    assert good["description"]["config"]["decision"]["min_tumor_voxels"] == 50
    assert main(["models"]) == 5
    assert "damaged:" in capsys.readouterr().out


def test_without_models_the_list_says_how_to_give_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resources, "_PLACES", (tmp_path,))
    assert main(["models"]) == 0
    assert "--model DIR" in capsys.readouterr().out


def test_check_tells_what_the_machine_has_and_passes_its_self_test(models, capsys):
    assert main(["check", "--device", "cpu", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["passed"] is True
    assert [step["name"] for step in facts["self_test"]] == ["method", "networks", "files"]
    assert sum(step["seconds"] for step in facts["self_test"]) < 180  # ten on a quiet machine
    assert facts["machine"]["output_free_gib"] > 0
    assert "torch" in facts["machine"]["versions"]
    assert [model["name"] for model in facts["models"]] == ["good", "damaged"]


def test_check_says_which_step_failed_and_has_exit_code_5(models, monkeypatch, capsys):
    def broken(*_):
        raise MemoryError

    monkeypatch.setattr(installation_check, "_check_networks", broken)
    monkeypatch.setattr(installation_check, "TUMOR_VOXELS", 999)  # the known answer is another
    assert main(["check", "--device", "cpu"]) == 5
    shown = capsys.readouterr().out
    assert "FAILED  method" in shown
    assert "expected SUSPICIOUS, 999 tumor" in shown
    assert "out of memory" in shown
    assert "ok      files" in shown
    assert "would not work here" in shown


@pytest.mark.parametrize(
    ("device", "apart", "passes"), [("cpu", 1e-6, False), ("mps", 1e-3, True), ("mps", 0.1, False)]
)
def test_two_answers_of_a_gpu_may_differ_by_rounding_and_those_of_processors_not_at_all(
    monkeypatch, device, apart, passes
):
    answer_of_processors = WindowPredictor.__call__
    calls = iter(range(1000))

    def answered(predictor, windows):
        answer = answer_of_processors(predictor, windows)
        return answer + np.float32(apart) if next(calls) >= 6 else answer  # three networks, three times

    monkeypatch.setattr(WindowPredictor, "__call__", answered)
    monkeypatch.setattr(installation_check, "largest_between_two_answers", lambda _device: largest)
    largest = LARGEST_BETWEEN_TWO(device)
    (networks,) = (step for step in installation_check.installation_check("cpu") if step.name == "networks")
    assert networks.passed == passes
    assert passes or "when asked twice" in networks.detail


def test_a_device_that_is_absent_fails_the_step_with_a_sentence(models, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    steps = {step.name: step for step in installation_check.installation_check("cuda")}
    assert not steps["networks"].passed
    assert "--device cpu" in steps["networks"].detail
    assert steps["method"].passed


def test_the_machine_is_described_without_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "evas-laptop")
    text = machine_text(this_machine(tmp_path / "not" / "yet" / "there"))
    assert "evas-laptop" not in text
    assert str(tmp_path) not in text
    for heading in ("system:", "memory:", "GPU:", "free disk:", "versions:"):
        assert heading in text


def test_memory_that_the_system_does_not_tell_is_unknown(tmp_path, monkeypatch):
    def not_here(_name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(machine.os, "sysconf", not_here)
    assert "memory:    unknown" in machine_text(this_machine(tmp_path))
