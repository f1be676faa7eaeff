"""What a model says of itself after it was measured."""

import json
from dataclasses import replace

import pytest
from made_experiment import CASES, FOUND, setting

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.evaluation.experiment import experiment
from PDACScreeningLib.evaluation.model_card import model_card
from PDACScreeningLib.evaluation.performance import measured_performance
from PDACScreeningLib.network.measured_performance import MeasuredShare
from PDACScreeningLib.network.model_description import (
    DESCRIPTION,
    ModelDescription,
    available_models,
    read_description,
    sealed,
)
from PDACScreeningLib.plain_data import to_plain

THESE = "ab" * 32  # of the models of the made-up experiment


def without_folds():
    base = setting()
    return experiment(replace(base, models=base.models[:1], data=replace(base.data, folds=0)), CASES)


def test_the_figures_are_those_of_all_networks_together():
    found = measured_performance(FOUND, THESE, "12" * 32)
    assert (found.sensitivity.count, found.sensitivity.total) == (1, 2)
    assert (found.specificity.count, found.specificity.total) == (1, 2)
    assert (found.auc, found.folds, found.these_weights) == (0.75, 2, True)


def test_the_sentence_names_rule_numbers_intervals_and_data_without_a_percentage():
    sentence = measured_performance(FOUND, THESE, "").sentence(is_demo=True)
    assert sentence.startswith("measured with these weights on 2 scans with and 2 without a tumor (synthetic phantom")
    assert (
        "from 50 tumor voxels on called suspicious were 1 of 2 (0.50, interval 0.09 to 0.91) with a tumor" in sentence
    )
    assert "area under the ROC curve of the score 0.75 (interval" in sentence
    assert sentence.endswith("this says nothing about patients")
    assert "%" not in sentence


def test_a_cross_validation_stands_for_its_kind_and_says_so():
    found = measured_performance(FOUND, "ff" * 32, "")
    assert not found.these_weights
    assert found.sentence(is_demo=False).startswith("2-fold cross-validation of its kind on 2 scans with")


def test_a_model_that_may_have_seen_the_cases_says_so_beside_every_score():
    base, words = setting(trained_on_others=None), "whether these cases were kept from the training is not recorded"
    one = replace(base, models=base.models[:1], data=replace(base.data, folds=0))
    assert words in measured_performance(experiment(one, CASES), THESE, "").sentence(is_demo=False)
    assert words not in measured_performance(without_folds(), THESE, "").sentence(is_demo=False)


def test_one_model_that_saw_its_cases_is_enough_for_a_refusal():
    base = setting()
    models = (base.models[0], replace(base.models[1], trained_on_others=False))
    with pytest.raises(ModelError, match="the very cases its model was trained on"):
        measured_performance(experiment(replace(base, models=models), CASES), "ff" * 32, "")


def test_models_not_known_to_be_trained_without_their_fold_are_no_cross_validation():
    found = measured_performance(experiment(setting(trained_on_others=None), CASES), "ff" * 32, "")
    assert found.sentence(is_demo=False).startswith("2 models of its kind, one for each fold of a split, on ")


def test_readings_of_one_scan_by_every_fold_are_not_called_scans():
    base = setting()
    every = replace(base, statistics=replace(base.statistics, normals="every-fold"))
    cases = [*CASES, replace(CASES[2], fold=1), replace(CASES[3], fold=0)]
    sentence = measured_performance(experiment(every, cases), "ff" * 32, "").sentence(is_demo=False)
    assert "on 2 readings with and 4 without a tumor" in sentence


def test_figures_of_the_fast_protocol_are_told_to_be_such():
    base = setting()
    fast = experiment(replace(base, reading=replace(base.reading, protocol="fast")), CASES)
    assert "; fast protocol; intervals" in measured_performance(fast, THESE, "").sentence(is_demo=False)
    assert "protocol" not in measured_performance(FOUND, THESE, "").sentence(is_demo=False)


def test_other_weights_are_refused_where_one_model_was_measured():
    with pytest.raises(ModelError, match=r"measured the weights abab.*evaluate this model"):
        measured_performance(without_folds(), "ff" * 32, "")
    assert measured_performance(without_folds(), THESE, "").these_weights


def test_figures_on_the_cases_a_model_was_trained_on_are_refused():
    base = setting()
    seen = replace(base, models=tuple(replace(model, trained_on_others=False) for model in base.models))
    with pytest.raises(ModelError, match="the very cases its model was trained on"):
        measured_performance(experiment(seen, CASES), THESE, "")


def test_a_share_of_nothing_is_said_to_be_so():
    assert MeasuredShare(0, 0, None, None).text == "0 of 0"


def description(**facts):
    return ModelDescription(
        name="a-model",
        trained_on="forty phantoms",
        is_demo=True,
        config=ScreeningConfig(),
        weights_sha256=THESE,
        notice="demo model",
        training={"64": {"seed": "7"}},
        **facts,
    )


def test_the_card_of_an_unmeasured_model_says_that_nothing_is_known():
    card = model_card(description(), None)
    assert card.startswith("# a-model\n\nDemo model.")
    assert "What this model is worth is not known" in card
    assert "| seed | 7 |" in card


def test_the_card_of_a_measured_model_holds_table_1_and_its_errors():
    measured = measured_performance(FOUND, "ff" * 32, "")
    card = model_card(description(measured=measured, performance=measured.sentence(is_demo=True)), FOUND)
    assert "2-fold cross-validation of its kind on" in card
    assert "sister models" in card
    assert "| Multi (paper) |" in card
    assert "Tumors not called (1)" in card
    assert "](" not in card  # no pictures: the card travels without them


def test_a_model_that_was_never_measured_loads(tmp_path):
    (folder,) = available_models()
    unmeasured = sealed(replace(read_description(folder), measured=None, performance=""))
    (tmp_path / DESCRIPTION).write_text(json.dumps(to_plain(unmeasured)), encoding="utf-8")
    assert read_description(tmp_path).measured is None


def test_the_models_that_come_with_the_project_would_show_a_changed_number():
    assert all(read_description(folder).description_sha256 for folder in available_models())
