"""Several models of any engine on the same cases: figures by pencil, paired differences, and the files of a paper."""

import csv
import json

import numpy as np
import pytest
from known_store import write_known_store
from nnunet_thresholds import import_thresholds
from readings import FEW_SAMPLES, reading
from screening_inputs import write_model
from small_store import SPACING_MM

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.comparison import ModelReadings, comparison
from PDACScreeningLib.evaluation.comparison_table import comparison_csv, comparison_section
from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.volume.label_map import Label


def of(name, *voxels, scores=None, dice=None, rule=None):
    """A model that read p0, p1, ... with a tumor, three of them, and n0, n1, ... without."""
    kinds = [30.0] * 3 + [None] * (len(voxels) - 3)
    names = [f"{'p' if mm else 'n'}{number}" for number, mm in enumerate(kinds)]
    cases = [
        reading(
            case,
            diameter_mm=mm,
            voxels=count,
            score=(scores or [0.5] * len(voxels))[place],
            tumor=(dice or [0.5] * 3)[place] if mm else None,
        )
        for place, (case, mm, count) in enumerate(zip(names, kinds, voxels, strict=True))
    ]
    return ModelReadings(name, "zhu2019", "ab" * 32, rule or DecisionRule(), tuple(cases))


def test_differences_by_pencil():
    first = of("first", 60, 60, 0, 0, 60, scores=[0.9, 0.8, 0.1, 0.2, 0.7], dice=[0.6, 0.4, 0.2])
    other = of("other", 60, 60, 60, 0, 0, scores=[0.9, 0.8, 0.7, 0.1, 0.2], dice=[0.7, 0.5, 0.3])
    _, row = comparison([first, other], FEW_SAMPLES).models
    assert (row.sensitivity.count, row.specificity.count) == (3, 2)
    changes = row.differences
    assert changes.sensitivity.value == pytest.approx(1 / 3)
    assert changes.specificity.value == pytest.approx(1 / 2)
    assert changes.auc.value == pytest.approx(1 - 4 / 6)
    assert changes.tumor_dice.value == pytest.approx(0.1)
    assert (changes.tumor_dice.low, changes.tumor_dice.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert (changes.calls_with_tumor.only_first, changes.calls_with_tumor.only_this) == (0, 1)
    assert changes.calls_with_tumor.p == 1  # one of one
    assert (changes.calls_without.only_first, changes.calls_without.only_this) == (1, 0)


def test_a_model_beside_itself_differs_by_nothing_whatever_the_samples():
    one = of("one", 60, 0, 60, 0, 60, 0, scores=[0.9, 0.2, 0.5, 0.4, 0.6, 0.1])
    names = [model.name for model in comparison([one, one, one], FEW_SAMPLES).models]
    assert names == ["one", "one (2)", "one (3)"]
    changes = comparison([one, one], FEW_SAMPLES).models[1].differences
    for change in (changes.sensitivity, changes.specificity, changes.auc, changes.tumor_dice):
        assert (change.value, change.low, change.high) == (0, 0, 0)
    assert changes.calls_with_tumor.p is None


def test_patients_are_drawn_together_so_that_a_pair_varies_less_than_its_parts():
    rng = np.random.default_rng(0)
    kinds = [30.0 if place < 20 else None for place in range(40)]
    scores = rng.random(40)

    def model(name, shift):
        cases = [
            reading(f"c{place:02}", diameter_mm=mm, score=float(score + shift * bool(mm)), voxels=60)
            for place, (mm, score) in enumerate(zip(kinds, scores, strict=True))
        ]
        return ModelReadings(name, "zhu2019", "", DecisionRule(), tuple(cases))

    found = comparison([model("a", 0.20), model("b", 0.25)], FEW_SAMPLES).models
    apart = found[1].auc.high - found[1].auc.low
    paired = found[1].differences.auc
    assert paired.high - paired.low < apart / 2


def test_each_model_goes_by_its_own_rule():
    first, other = of("a", 60, 60, 60, 0), of("b", 60, 60, 60, 0, rule=DecisionRule(min_tumor_voxels=100))
    found = comparison([first, other], FEW_SAMPLES).models
    assert [model.sensitivity.count for model in found] == [3, 0]
    assert found[1].differences.sensitivity.value == -1


def test_models_that_read_other_cases_are_not_compared():
    with pytest.raises(ValueError, match="read different cases"):
        comparison([of("a", 60, 60, 60, 0), of("b", 60, 60, 60)], FEW_SAMPLES)


def test_the_table_has_a_line_a_model_and_the_page_both_tables():
    found = comparison([of("a", 60, 60, 0, 0), of("b", 60, 60, 60, 0)], FEW_SAMPLES)
    rows = list(csv.DictReader(comparison_csv(found).splitlines()))
    assert [row["model"] for row in rows] == ["a", "b"]
    assert rows[0]["sensitivity_difference"] == ""
    assert float(rows[1]["sensitivity_difference"]) == pytest.approx(1 / 3)
    section = comparison_section(found)
    assert section.blocks[1].rows[0][0] == "a (zhu2019)"
    assert section.blocks[2].caption == "Paired differences from a"
    assert section.blocks[2].rows[0][1].startswith("+0.333 (")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Four scans, two of them with a tumor; an nnU-Net that sees everything, and networks of the paper that do not."""
    folder = tmp_path_factory.mktemp("comparison")
    write_known_store(folder / "store")
    import_thresholds(folder, folds=(150.0, 150.0), spacing=(2.0, 2.0, 2.0))
    write_model(folder / "papers", Label.PANCREAS, working_spacing_mm=SPACING_MM)
    typed = ["evaluate", str(folder / "store"), "--model", str(folder / "papers"), "--compare", str(folder / "model")]
    assert main([*typed, "--output", str(folder / "out"), "--device", "cpu", "--no-mirroring"]) == 0
    return folder


def test_an_nnunet_stands_beside_the_networks_of_the_paper(work):
    found = json.loads((work / "out" / "comparison.json").read_text())
    papers, theirs = found["models"]
    assert (papers["engine"], theirs["engine"]) == ("zhu2019", "nnunet-v2")
    assert (papers["sensitivity"]["count"], theirs["sensitivity"]["count"]) == (0, 2)
    assert theirs["specificity"]["count"] == 2
    assert theirs["tumor_dice"]["mean"] == pytest.approx(1)
    assert theirs["differences"]["sensitivity"]["value"] == 1
    for name in ("report.html", "report.md", "table1.md"):
        assert "Models side by side" in (work / "out" / name).read_text(), name
    assert (work / "out" / "comparison.csv").read_text().count("\n") == 3


def test_an_nnunet_alone_is_evaluated_as_any_model_and_goes_on_where_it_stopped(work, monkeypatch):
    typed = ["evaluate", str(work / "store"), "--model", str(work / "model"), "--device", "cpu", "--no-mirroring"]
    assert main([*typed, "--output", str(work / "alone")]) == 0
    found = read_experiment(work / "alone" / "experiment.json")
    assert found.setting.row_names == ("fold 0", "fold 1", "Multi")
    assert (found.rule.sensitivity.count, found.rule.specificity.count) == (2, 2)
    assert "--no-mirroring" in found.setting.command
    monkeypatch.setattr("PDACScreeningLib.evaluation.reading_pool.make_reading", lambda *_: pytest.fail("read again"))
    assert main([*typed, "--output", str(work / "alone")]) == 0


def test_readings_of_other_folds_are_not_taken_for_these(work, capsys):
    typed = ["evaluate", str(work / "store"), "--model", str(work / "model"), "--device", "cpu", "--no-mirroring"]
    assert main([*typed, "--output", str(work / "two")]) == 0
    capsys.readouterr()
    assert main([*typed, "--folds", "1", "--output", str(work / "two")]) == 5
    assert "was made with other weights, cases or settings" in capsys.readouterr().err


def test_what_an_nnunet_has_not_is_not_asked_of_it(work, capsys):
    typed = ["evaluate", str(work / "store"), "--model", str(work / "model"), "--output", str(work / "no")]
    assert main([*typed, "--ablation", "whole-volume"]) == 2
    assert "an nnU-Net has none" in capsys.readouterr().err
    assert main([*typed, "--folds", "9"]) == 2
    assert "no fold 9" in capsys.readouterr().err
