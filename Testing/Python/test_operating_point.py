"""A rule that is asked for, chosen on an experiment, carried by the model and applied by screen and evaluate."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from made_experiment import CASES, FOUND, setting
from readings import reading

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.commands.publish import _rule
from PDACScreeningLib.config import PAPER_SCALES, DecisionRule
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.evaluation.experiment import experiment
from PDACScreeningLib.evaluation.measured_block import BEGIN, END
from PDACScreeningLib.evaluation.performance import WantedRule, chosen_rule, measured_performance
from PDACScreeningLib.evaluation.report_document import document
from PDACScreeningLib.evaluation.report_markdown import to_markdown
from PDACScreeningLib.evaluation.rule_figures import rule_figures
from PDACScreeningLib.inference.judgment import classify, explain
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder

PAPER = DecisionRule()
SPREAD = (
    *(
        reading(f"p{i}", diameter_mm=30.0, voxels=100 * (score >= 0.5), score=score)
        for i, score in enumerate((0.9, 0.6, 0.2))
    ),
    *(
        reading(f"n{i}", voxels=100 * (score >= 0.5), tumor=0.0, score=score)
        for i, score in enumerate((0.7, 0.1, 0.05))
    ),
)


def test_without_a_score_threshold_the_count_decides_as_in_the_paper():
    assert [PAPER.calls(voxels, 0.9) for voxels in (49, 50)] == [False, True]
    assert PAPER.calls(50, None)


def test_with_one_the_score_decides_and_labels_without_a_score_fall_back_on_the_count():
    rule = DecisionRule(min_score=0.2)
    assert [rule.calls(0, score) for score in (0.19, 0.2)] == [False, True]
    assert not rule.calls(10_000, 0.1)
    assert [rule.calls(voxels, None) for voxels in (49, 50)] == [False, True]
    assert classify(0, rule, 0.2) is Outcome.SUSPICIOUS


def test_the_reason_names_the_threshold_that_decided():
    words = explain(0, DecisionRule(min_score=0.125), 15.6, 0.2)
    assert words == "No voxel was segmented as tumor, score 0.200; a score of 0.125 or more is called suspicious."
    assert "50 voxels" in explain(0, DecisionRule(min_score=0.125), 15.6, None)


@pytest.mark.parametrize("value", [0.0, 1.1, -0.1])
def test_a_threshold_that_cannot_be_is_refused(value):
    with pytest.raises(ValueError, match="min_score"):
        DecisionRule(min_score=value)


def test_a_wanted_sensitivity_takes_the_most_specific_threshold_that_reaches_it():
    rule = chosen_rule(WantedRule("sensitivity", 0.95), PAPER, SPREAD)
    assert rule == DecisionRule(50, min_score=0.2)
    figures = rule_figures(SPREAD, rule)
    assert (figures.sensitivity.count, figures.specificity.count) == (3, 2)
    assert chosen_rule(WantedRule("sensitivity", 0.3), PAPER, SPREAD).min_score == 0.9


def test_a_wanted_specificity_takes_the_most_sensitive_threshold_that_keeps_it():
    assert chosen_rule(WantedRule("specificity", 0.6), PAPER, SPREAD).min_score == 0.2
    assert chosen_rule(WantedRule("specificity", 1.0), PAPER, SPREAD).min_score == 0.9


def test_what_no_threshold_reaches_is_refused():
    tied = tuple(replace(case, rows={"Multi": replace(case.rows["Multi"], score=0.0)}) for case in SPREAD)
    with pytest.raises(ModelError, match=r"no threshold of the score reaches a sensitivity=0\.95"):
        chosen_rule(WantedRule("sensitivity", 0.95), PAPER, tied)


def test_k_and_score_are_taken_as_they_are():
    assert chosen_rule(WantedRule("k", 200), PAPER, ()) == DecisionRule(200)
    assert chosen_rule(WantedRule("score", 0.3), DecisionRule(70), ()) == DecisionRule(70, min_score=0.3)


def test_called_and_overlapping_is_told_apart_from_called():
    elsewhere = replace(SPREAD[0].rows["Multi"], tumor=replace(SPREAD[0].rows["Multi"].tumor, dice=0.09))
    cases = (replace(SPREAD[0], rows={"Multi": elsewhere}), *SPREAD[1:])
    figures = rule_figures(cases, PAPER)
    assert (figures.sensitivity.count, figures.overlapping.count) == (2, 1)


def test_a_model_tells_that_its_rule_was_chosen_on_the_very_cases():
    rule = DecisionRule(min_score=0.3)
    measured = measured_performance(FOUND, "ab" * 32, "", rule, chosen_for="sensitivity=0.95")
    words = (
        "from a score of 0.300 on (chosen on these very cases for sensitivity=0.95, hence optimistic) called suspicious"
    )
    assert f"{words} were 2 of 2" in measured.sentence(is_demo=True)
    assert "with the tumor itself found in 1 of them" in measured.sentence(is_demo=True)


def test_the_report_shows_the_models_rule_and_keeps_the_papers_in_table_1():
    base = setting()
    text = to_markdown(document(experiment(replace(base, decision=DecisionRule(min_score=0.25)), CASES)))
    assert "A scan is called from a score of 0.250 on" in text
    assert "K = 50 voxels (781 mm3)" in text
    assert "| P-Sen | T-Sen | Spe | AUC | DSC |" in text
    assert "Tumors not called (0)" in text  # both score 0.3 or more


@pytest.mark.parametrize("text", ["k=0", "k=1.5", "score=2", "sensitivity=", "auc=0.9", "0.95"])
def test_a_rule_that_says_nothing_is_refused(text):
    with pytest.raises(Exception, match="must|expected|could not"):
        _rule(text)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of three networks, a store and the evaluation of their model, all tiny."""
    folder = tmp_path_factory.mktemp("rule")
    grid = ("--shape", "56", "48", "40", "--spacing", "6.6", "6.6", "6.0")
    assert main(["phantom-cohort", "--cases", "4", "--seed", "8", *grid, "--output", str(folder / "cohort")]) == 0
    stored = ["prepare", str(folder / "cohort"), "--working-spacing-mm", "6", "--output", str(folder / "store")]
    assert main(stored) == 0
    other = ["phantom-cohort", "--cases", "2", "--seed", "9", *grid, "--output", str(folder / "other")]
    assert main(other) == 0
    assert main([*stored[:1], str(folder / "other"), *stored[2:4], "--output", str(folder / "training")]) == 0
    for size in (str(scale.patch_size) for scale in PAPER_SCALES):
        short = ("--recipe", "short", "--base-width", "2", "--iterations", "2", "--device", "cpu", "--batch-size", "2")
        run = ("--patch-size", size, "--output", str(folder / "run"))
        assert main(["train", str(folder / "training"), *run, *short]) == 0
        see_gland_everywhere(folder / "run" / size)
    assert publish(folder, "model") == 0
    assert evaluate(folder, "model") == 0
    return folder


def see_gland_everywhere(folder):
    """Make a hardly trained network segment something: all is pancreas, and the tumor's probability varies below it."""
    checkpoints = CheckpointFolder(folder)
    checkpoint = checkpoints.newest()
    state = dict(checkpoint.network_state)
    state["head.bias"] = torch.tensor([0.0, 2.0, 1.0])
    state["head.weight"] = 0.1 * state["head.weight"]
    checkpoints.save(replace(checkpoint, network_state=state, iteration=checkpoint.iteration + 1))


def publish(folder, name, *options):
    words = ("--name", "tiny", "--trained-on", "phantoms", "--output", str(folder / name))
    return main(["publish", str(folder / "run"), *words, *options])


def evaluate(folder, model):
    output = str(folder / f"evaluation-{model}")
    options = ("--model", str(folder / model), "--protocol", "fast", "--device", "cpu", "--output", output)
    return main(["evaluate", str(folder / "store"), *options])


def experiment_of(folder, model):
    return folder / f"evaluation-{model}" / "experiment.json"


def test_a_chosen_operating_point_travels_from_the_experiment_to_the_outcome(trained, tmp_path, capsys):
    measured = str(experiment_of(trained, "model"))
    asked = ("--rule", "sensitivity=0.95", "--performance-from", measured)
    assert publish(trained, "sensitive", *asked) == 0
    description = read_description(trained / "sensitive")
    rule = description.config.decision
    assert rule.min_tumor_voxels == 50
    assert rule.min_score > 0
    assert description.measured.chosen_for == "sensitivity=0.95"
    assert description.measured.sensitivity.count == description.measured.sensitivity.total == 2
    assert "suspicious from a score of" in (trained / "sensitive" / "MODEL_CARD.md").read_text()
    # measured again, the rule stays and its figures are not those it was chosen on any more
    assert evaluate(trained, "sensitive") == 0
    again = json.loads(experiment_of(trained, "sensitive").read_text())
    assert again["setting"]["decision"]["min_score"] == rule.min_score
    assert again["rule"]["sensitivity"]["count"] == 2
    assert publish(trained, "told", "--performance-from", str(experiment_of(trained, "sensitive"))) == 0
    told = read_description(trained / "told")
    assert (told.config.decision, told.measured.chosen_for) == (rule, "")
    # and a scan is called by it
    case = next(case for case in again["cases"] if case["true_tumor_voxels"])
    ct = trained / "cohort" / case["case_id"] / "ct.nii.gz"
    capsys.readouterr()
    command = ["screen", str(ct), "--model", str(trained / "told"), "--protocol", "fast", "--device", "cpu"]
    assert main([*command, "--output", str(tmp_path / "result")]) in (0, 3)
    answer = json.loads((tmp_path / "result" / "screening.json").read_text())
    if answer["outcome"] != "INDETERMINATE":
        assert answer["outcome"] == "SUSPICIOUS"
        assert f"a score of {rule.min_score:.3f} or more is called suspicious" in answer["reason"]


def test_a_model_may_be_described_anew_without_its_run(trained):
    words = ("--name", "tiny", "--trained-on", "phantoms", "--output", str(trained / "anew"))
    measured = ("--performance-from", str(experiment_of(trained, "model")))
    assert main(["publish", str(trained / "model"), *words, *measured]) == 0
    one, other = read_description(trained / "model"), read_description(trained / "anew")
    assert (one.weights_sha256, one.training, one.config) == (other.weights_sha256, other.training, other.config)
    assert other.measured is not None


def test_a_card_that_somebody_wrote_gets_new_figures_where_it_leaves_a_place(trained):
    card = trained / "card" / "MODEL_CARD.md"
    card.parent.mkdir()
    card.write_text(f"# Mine\n\nwords before\n\n{BEGIN}\nof last year\n{END}\n\nwords after\n")
    assert publish(trained, "card", "--performance-from", str(experiment_of(trained, "model"))) == 0
    page = card.read_text()
    assert page.startswith(f"# Mine\n\nwords before\n\n{BEGIN}\n")
    assert page.endswith(f"{END}\n\nwords after\n")
    assert "of last year" not in page
    assert "## Table 1" in page


def test_a_sensitivity_without_cases_is_a_mistake_of_usage(trained, capsys):
    assert publish(trained, "none", "--rule", "sensitivity=0.95") == 2
    assert "--performance-from" in capsys.readouterr().err
    assert publish(trained, "k200", "--rule", "k=200") == 0
    assert read_description(trained / "k200").config.decision == DecisionRule(200)


def test_an_alternative_combination_is_measured_beside_the_papers_mean(trained):
    assert publish(trained, "log", "--combination", "log_mean", "--min-tumor-probability", "0.55") == 0
    config = read_description(trained / "log").config
    assert (config.combination, config.min_tumor_probability) == ("log_mean", 0.55)
    assert evaluate(trained, "log") == 0
    found = json.loads(experiment_of(trained, "log").read_text())
    assert [row["name"] for row in found["table1"]] == ["64^3", "32^3", "16^3", "Multi", "Multi, the paper's mean"]
    plain = json.loads(experiment_of(trained, "model").read_text())
    by_mean = [case["rows"]["Multi, the paper's mean"]["tumor_voxels"] for case in found["cases"]]
    assert by_mean == [case["rows"]["Multi"]["tumor_voxels"] for case in plain["cases"]]


def test_phantoms_are_told_by_contrast_and_measured_on_their_own_grid(trained):
    found = json.loads(experiment_of(trained, "model").read_text())
    traits = {trait for case in found["cases"] for trait in case["traits"]}
    assert traits & {"contrast below 32 HU", "contrast 32 HU or more"}
    assert found["native"]["tumor"]["count"] == 2
    assert found["trait_strata"]
    assert (
        "DSC of all networks together, by the grid it is measured on"
        in (experiment_of(trained, "model").parent / "report.md").read_text()
    )


def test_a_store_that_does_not_know_voxel_sizes_is_told_and_the_card_says_it(trained, tmp_path, capsys):
    """As one of an earlier version: thick slices would pass as like the training, and a negative of them as one."""
    store = shutil.copytree(trained / "training", tmp_path / "store")
    index = json.loads((store / "store.json").read_text())
    for case in index["cases"]:
        case["native_sha256"] = ""
        (store / f"{case['case_id']}.native.npz").unlink()
    (store / "store.json").write_text(json.dumps(index))
    capsys.readouterr()
    assert publish(trained, "unsized", "--training-store", str(store)) == 0
    assert "a scan with thicker slices than those will not be told as unlike them" in capsys.readouterr().err
    assert read_description(trained / "unsized").training_range.coarsest_mm is None
    assert "voxels of a size that is not known" in (trained / "unsized" / "MODEL_CARD.md").read_text()
    assert publish(trained, "sized", "--training-store", str(trained / "training")) == 0
    assert "thicker slices" not in capsys.readouterr().err


def test_what_the_training_scans_were_like_travels_with_the_model(trained, tmp_path, capsys):
    assert read_description(trained / "model").training_range is None
    assert publish(trained, "ranged", "--training-store", str(trained / "training")) == 0
    seen = read_description(trained / "ranged").training_range
    assert (seen.scans, seen.coarsest_mm) == (2, 6.6)
    assert seen.words in (trained / "ranged" / "MODEL_CARD.md").read_text()
    words = ("--name", "tiny", "--trained-on", "phantoms", "--output", str(tmp_path / "anew"))
    assert main(["publish", str(trained / "ranged"), *words]) == 0
    assert read_description(tmp_path / "anew").training_range == seen
    capsys.readouterr()
    assert publish(trained, "refused", "--training-store", str(trained / "store")) == 5
    assert "were trained on other cases than those of" in capsys.readouterr().err
    assert not (trained / "refused").exists()
