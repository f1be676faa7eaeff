"""A rule that is chosen for an imported nnU-Net on an experiment of its user, stored with it and applied."""

import json

import pytest
import SimpleITK as sitk
from known_store import write_known_store
from nnunet_thresholds import import_thresholds, known_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.network.runtime import Runtime


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Four scans, two of them with a tumor, and the evaluation of an nnU-Net with two folds that sees all of it."""
    folder = tmp_path_factory.mktemp("imported")
    write_known_store(folder / "store")
    import_thresholds(folder, folds=(150.0, 150.0), min_tumor_voxels=30)
    assert evaluate(folder, "model", "whole") == 0
    return folder


def evaluate(work, model, output, *options):
    typed = ["evaluate", str(work / "store"), "--model", str(work / model), "--output", str(work / output)]
    return main([*typed, "--device", "cpu", *options])


def publish(work, output, *options, source="model"):
    words = ("--name", "ours", "--trained-on", "somebody's scans", "--output", str(work / output))
    return main(["publish", str(work / source), *words, *options])


def measured(work, output="whole"):
    return ("--performance-from", str(work / output / "experiment.json"))


def test_a_chosen_operating_point_is_stored_and_decides(work, tmp_path, capsys):
    assert publish(work, "sensitive", "--rule", "sensitivity=0.9", *measured(work)) == 0
    description, before = read_description(work / "sensitive"), read_description(work / "model")
    rule = description.config.decision
    assert rule.min_tumor_voxels == 30
    assert 0 < rule.min_score < 1
    assert (description.measured.chosen_for, description.measured.sensitivity.count) == ("sensitivity=0.9", 2)
    assert (description.nnunet, description.weights_sha256) == (before.nnunet, before.weights_sha256)
    assert (work / "sensitive" / "LICENSE.txt").read_text() == "CC0\n"
    card = (work / "sensitive" / "MODEL_CARD.md").read_text()
    assert f"a score of {rule.min_score:.3f}" in card
    assert "By whoever published it with this rule: measured with these weights" in card
    ct = known_scan((6, 6, 6))
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    typed = ["screen", str(tmp_path / "scan.nii.gz"), "--model", str(work / "sensitive"), "--device", "cpu"]
    assert main([*typed, "--output", str(tmp_path / "out")]) == 0
    answer = json.loads((tmp_path / "out" / "screening.json").read_text())
    assert answer["outcome"] == "SUSPICIOUS"
    assert f"a score of {rule.min_score:.3f} or more is called suspicious" in answer["reason"]


def test_another_k_is_one_of_the_models_grid_and_the_weights_are_copied(work):
    assert publish(work, "other", "--rule", "k=80", "--performance", "none yet") == 0
    description = read_description(work / "other")
    assert description.config.decision.min_tumor_voxels == 80
    assert description.performance == "none yet"
    engine = load_engine(work / "other", Runtime("cpu", "fp32")).engine
    assert engine.config_on(known_scan().geometry).decision.min_tumor_voxels == 80
    assert publish(work, "other", "--rule", "k=90", source="other") == 0  # in its own folder
    assert load_engine(work / "other", Runtime("cpu", "fp32")).engine.config.decision.min_tumor_voxels == 90


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--rule", "sensitivity=0.9"), 2, "give --performance-from"),
        (("--combination", "log_mean"), 2, "for the networks of the paper"),
        (("--rule", "k=80", "--performance-from", "whole"), 2, "counted from K = 30"),
        (("--performance-from", "half"), 5, "without --folds and --no-mirroring"),
        (("--performance-from", "others"), 5, "measured the weights"),
    ],
)
def test_what_was_not_measured_of_this_model_is_not_stored_with_it(work, capsys, options, code, said):
    if "half" in options and not (work / "half").exists():
        assert evaluate(work, "model", "half", "--folds", "1") == 0
    if "others" in options and not (work / "others").exists():
        import_thresholds(work / "elsewhere", folds=(140.0, 140.0), min_tumor_voxels=30)
        assert evaluate(work, "elsewhere/model", "others") == 0
    capsys.readouterr()
    typed = [str(work / word / "experiment.json") if word in ("whole", "half", "others") else word for word in options]
    assert publish(work, "refused", *typed) == code
    assert said in capsys.readouterr().err
    assert not (work / "refused").exists()
