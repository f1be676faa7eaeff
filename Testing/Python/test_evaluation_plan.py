"""Before the first scan is read: whether the models may read these cases, and what a reading is bound to."""

import json
from dataclasses import replace

import numpy as np
import pytest
from readings import reading
from small_store import SPACING_MM, small_case, small_store, store_case

from PDACScreeningLib.commands import evaluate
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.datasets.split import Split, write_split
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.evaluation.case_result import Reading
from PDACScreeningLib.evaluation.plan import PlanRequest, make_plan
from PDACScreeningLib.evaluation.reading_file import write_reading
from PDACScreeningLib.evaluation.settings import ReadingSettings, StatisticsSettings
from PDACScreeningLib.network.model_description import DESCRIPTION, ModelDescription, sealed
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.terminal.display import open_display
from PDACScreeningLib.terminal.interruption import Interruption
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.store_index import read_index, write_index, write_store_index
from PDACScreeningLib.training_range import TrainingRange

SPLIT = Split(folds=(("case-0",), ("case-2",)), always_train=("case-1",), always_test=("case-3",))
CONFIG = ScreeningConfig(working_spacing_mm=SPACING_MM)


@pytest.fixture
def store(tmp_path):
    small_store(tmp_path / "store")
    write_split(SPLIT, tmp_path / "split.json")
    return tmp_path / "store"


def trained_for(store, fold):
    """Digest of the training cases of a fold; None: of all cases."""
    return CaseStore(store, None if fold is None else SPLIT.train_patients(fold)).sha256


def model(folder, *digests):
    """A model folder without weights. digests: of each network's training cases, coarse first; None: no record."""
    training = {
        str(scale.patch_size): {} if digest is None else {"store_sha256": digest}
        for scale, digest in zip(CONFIG.scales, digests, strict=True)
    }
    folder.mkdir()
    description = ModelDescription(folder.name, "cases", True, CONFIG, "ab" * 32, training=training)
    (folder / DESCRIPTION).write_text(json.dumps(to_plain(sealed(description))))
    return str(folder)


def plan(store, *models, split=True, statistics=None):
    split_file = store.parent / "split.json" if split else None
    chosen = statistics or StatisticsSettings()
    return make_plan(PlanRequest(store, tuple(models), split_file, ReadingSettings(), chosen, Runtime("cpu", "fp32")))


def answers(found):
    return [fact.trained_on_others for fact in found.setting.models]


def test_models_in_fold_order_are_known_to_have_read_others(store, tmp_path):
    models = [model(tmp_path / f"fold{fold}", *[trained_for(store, fold)] * 3) for fold in (0, 1)]
    assert answers(plan(store, *models)) == [True, True]
    with pytest.raises(UsageError, match="fold1 was given for fold 0 and trained for fold 1"):
        plan(store, *reversed(models))


def test_one_network_of_another_fold_is_enough_to_refuse_a_model(store, tmp_path):
    mixed = model(tmp_path / "mixed", *[trained_for(store, fold) for fold in (0, 1, 0)])
    other = model(tmp_path / "other", *[trained_for(store, 1)] * 3)
    with pytest.raises(UsageError, match="mixed was given for fold 0 and trained for fold 1"):
        plan(store, mixed, other)


def test_one_network_trained_on_all_cases_has_seen_them(store, tmp_path):
    one = model(tmp_path / "one", trained_for(store, 0), None, trained_for(store, None))
    other = model(tmp_path / "other", *[trained_for(store, 1)] * 3)
    assert answers(plan(store, one, other)) == [False, True]
    assert answers(plan(store, one, split=False)) == [False]


def test_a_network_without_a_record_leaves_the_question_open(store, tmp_path):
    one = model(tmp_path / "one", trained_for(store, 0), None, trained_for(store, 0))
    other = model(tmp_path / "other", *[trained_for(store, 1)] * 3)
    assert answers(plan(store, one, other)) == [None, True]


def test_the_command_tells_every_option_that_changes_figures(store, tmp_path):
    one = model(tmp_path / "one", None, None, None)
    assert plan(store, one, split=False).setting.command == "pdac-screening evaluate store --model one --protocol exact"
    rare = plan(store, one, split=False, statistics=StatisticsSettings(prevalences=(0.001, 0.02)))
    assert rare.setting.command.endswith("--protocol exact --prevalence 0.001 --prevalence 0.02")


def made_of(found):
    return {task.assignment.case_id: task.made_of for task in found.tasks(found.store)}


def test_readings_on_native_grids_are_bound_to_the_size_of_a_voxel(tmp_path):
    native = replace(CONFIG, working_spacing_mm=None)
    folder = tmp_path / "native"
    folder.mkdir()
    description = ModelDescription("native", "cases", True, native, "ab" * 32)
    (folder / DESCRIPTION).write_text(json.dumps(to_plain(sealed(description))))
    stored = store_case(tmp_path / "store", "case-0", *small_case(0, tumor=True))
    bound = []
    for spacing_mm in ((2.0, 2.0, 2.0), (2.0, 2.0, 5.0)):
        write_index(tmp_path / "store", None, "tiny", [replace(stored, spacing_mm=spacing_mm)])
        bound.append(made_of(plan(tmp_path / "store", str(folder), split=False)))
    assert bound[0] != bound[1]


def test_a_reading_is_bound_to_what_its_model_says_of_its_training_scans(store, tmp_path):
    """A scan unlike them is not assessable, and the reading holds that."""
    bound = []
    for gland_hu in (None, (40.0, 120.0), (50.0, 120.0)):
        seen = None if gland_hu is None else TrainingRange(2, gland_hu, (5.0, 20.0), 3.0)
        folder = tmp_path / f"range {gland_hu}"
        folder.mkdir()
        description = ModelDescription("m", "cases", True, CONFIG, "ab" * 32, training_range=seen)
        (folder / DESCRIPTION).write_text(json.dumps(to_plain(sealed(description))))
        bound.append(made_of(plan(store, str(folder), split=False))["case-0"])
    assert len(set(bound)) == 3


def test_whose_scan_a_reading_is_of_is_the_store_s_to_say(store, tmp_path, monkeypatch):
    """A store prepared again may know that two scans are of one patient; the voxels are as they were."""
    one = model(tmp_path / "one", None, None, None)
    output = tmp_path / "output"
    for task in plan(store, one, split=False).tasks(output / evaluate.READINGS):
        made = Reading(reading(task.assignment.case_id), np.zeros((1, 1, 1), np.uint8))
        write_reading(task.folder, task.assignment.name, task.made_of, made)
    index = read_index(store)
    write_store_index(store, replace(index, cases=tuple(replace(case, patient_id="same") for case in index.cases)))

    results = []
    monkeypatch.setattr(evaluate, "_write", lambda _output, _plan, found, _compared: str(results.extend(found)))
    request = evaluate.EvaluateRequest(store, (one,), output, "cpu", None)
    monkeypatch.setattr(evaluate, "resolve_device", lambda *_: Runtime("cpu", "fp32"))
    evaluate.evaluate(request, open_display("none"), Interruption())
    assert {result.patient_id for result in results} == {"same"}
