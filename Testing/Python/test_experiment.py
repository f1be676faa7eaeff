"""The experiment file and its report: nothing without its n, nothing from outside, the worth before the numbers."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made_experiment import CASES, FOUND, setting

from PDACScreeningLib.errors import DataError
from PDACScreeningLib.evaluation.case_result import Agreement
from PDACScreeningLib.evaluation.experiment import experiment, read_experiment, write_experiment
from PDACScreeningLib.evaluation.lesion_detection import LesionCandidate
from PDACScreeningLib.evaluation.plots import write_plots
from PDACScreeningLib.evaluation.report_document import document, summary
from PDACScreeningLib.evaluation.report_markdown import to_markdown
from PDACScreeningLib.evaluation.report_page import to_html

ROOT = Path(__file__).resolve().parents[2]


def test_the_file_comes_back_as_it_was(tmp_path):
    path = write_experiment(FOUND, tmp_path / "experiment.json")
    assert read_experiment(path) == FOUND
    assert json.loads(path.read_text())["format_version"] == 3


def test_an_experiment_of_another_version_is_refused(tmp_path):
    (tmp_path / "experiment.json").write_text('{"format_version": 1}')
    with pytest.raises(DataError, match="has format 1, this version reads 3; evaluate again"):
        read_experiment(tmp_path / "experiment.json")


@pytest.mark.parametrize("content", ["[]", "{", '{"format_version": 3}'])
def test_what_is_no_experiment_is_named(tmp_path, content):
    (tmp_path / "experiment.json").write_text(content)
    with pytest.raises(DataError, match=r"experiment\.json"):
        read_experiment(tmp_path / "experiment.json")


def test_the_figures_are_those_of_their_modules():
    assert [row.name for row in FOUND.table1] == ["64^3", "Multi"]
    assert [row.name for row in FOUND.ablations] == ["Multi, no component filter"]
    assert (FOUND.combined.sensitivity.count, FOUND.combined.specificity.count) == (1, 1)
    assert [curve.fold for curve in FOUND.roc] == [None, 0, 1]
    assert FOUND.roc[0].auc.value == 3 / 4  # .9 > .6, .9 > 0, .3 < .6, .3 > 0
    assert 1500 in [point.min_tumor_voxels for point in FOUND.k_sweep]
    assert (FOUND.counts.readings, FOUND.counts.with_tumor, FOUND.counts.coarse_empty) == (4, 2, 0)


def test_phantoms_are_told_before_the_first_number():
    text = to_markdown(document(FOUND))
    assert text.index("They say nothing about patients") < text.index("## Table 1")
    assert "phantoms only" in text.splitlines()[2]
    assert "not applicable: phantoms" in text


def test_of_patients_it_is_not_said_that_they_are_phantoms():
    text = to_markdown(document(experiment(setting(source="some hospital", is_demo=False), CASES)))
    assert "Synthetic phantoms only" not in text
    assert "not applicable: phantoms" not in text


@pytest.mark.parametrize(("datasets", "expected"), [(("phantoms",), True), (("phantoms", "msd"), False), ((), True)])
def test_phantoms_are_known_by_the_name_of_their_data_set_or_by_the_word(datasets, expected):
    assert replace(FOUND.setting.data, datasets=datasets).is_synthetic == expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (False, "Trained on the very cases they read: fold0, fold1"),
        (None, "is the word of whoever ran this"),
    ],
)
def test_models_that_may_have_seen_the_cases_are_named(answer, words):
    assert words in to_markdown(summary(experiment(setting(trained_on_others=answer), CASES)))
    assert words not in to_markdown(summary(FOUND))


def test_a_cross_validation_is_claimed_only_of_models_known_to_be_trained_without_their_fold():
    claim = "read by the model that was trained without that fold"
    assert claim in to_markdown(summary(FOUND))
    unknown = to_markdown(summary(experiment(setting(trained_on_others=None), CASES)))
    assert claim not in unknown
    assert "2 models, one for each fold of a split by patient" in unknown


def test_of_patients_it_is_not_said_where_they_come_from_or_who_drew_the_truth():
    words = "No reader, no second site, no second annotator was involved."
    assert words in to_markdown(summary(FOUND))
    text = to_markdown(summary(experiment(setting(source="two hospitals", is_demo=False), CASES)))
    assert words not in text
    assert "No reader was compared with" in text


def test_the_papers_table_stands_beside_ours():
    lines = to_markdown(summary(FOUND)).splitlines()
    (ours,) = (line for line in lines if line.startswith("| Multi |") and "±" in line)
    (theirs,) = (line for line in lines if line.startswith("| Multi (paper) |"))
    assert "1/2 = 50.0 % (9.5-90.5)" in ours
    assert "| 84.52 ± 11.11 % | 78.60 ± 18.34 % | 56.46 ± 26.23 % | 8/136 | 128/136 = 94.1 %" in theirs
    assert "197/200 = 98.5 %" in theirs


def test_scans_in_which_the_networks_together_confirmed_nothing_have_no_result_either():
    nothing = replace(CASES[3].rows["Multi"], pancreas=Agreement(0.0, None, None))
    case = replace(CASES[3], rows=dict.fromkeys(CASES[3].rows, nothing))
    words = "In 1 more the networks together confirmed nothing of what it found"
    assert words in to_markdown(summary(experiment(setting(), [*CASES[:3], case])))
    assert "networks together confirmed nothing" not in to_markdown(summary(FOUND))


def test_where_no_tumor_was_found_the_share_found_is_zero_and_without_tumors_there_is_none():
    missed = experiment(setting(), [CASES[1], CASES[3]])
    nothing = replace(missed, detection=replace(missed.detection, froc=()))
    assert "| 0.125 or fewer | 0.000 |" in to_markdown(document(nothing))
    assert "| 0.125 or fewer | - |" in to_markdown(document(experiment(setting(), CASES[2:])))


def test_a_truth_in_pieces_is_said_to_count_as_several_tumors():
    pieces = replace(CASES[0], candidates=(*CASES[0].candidates, LesionCandidate(True, 0.0, 0.0)))
    text = to_markdown(document(experiment(setting(), [pieces, *CASES[1:]])))
    assert "3 tumors in 4 scans; the truth of one in pieces counts as several." in text


def test_a_volume_of_less_than_10_mm3_is_not_rounded_to_nothing():
    fine = setting()
    text = to_markdown(document(experiment(replace(fine, data=replace(fine.data, voxel_mm3=0.28)), CASES)))
    assert "| 1 voxel (0.3 mm3) |" in text
    assert "| 50 voxels (14 mm3) |" in text


def test_misses_and_false_alarms_are_listed_by_case():
    text = to_markdown(document(FOUND))
    errors = text[text.index("## Misses and false alarms") : text.index("## CLAIM 2024")]
    assert re.findall(r"^\| (\w\d) \|", errors, re.MULTILINE) == ["p2", "n1"]


def test_the_page_is_self_contained_and_plots_are_files(tmp_path):
    names = write_plots(FOUND, tmp_path)
    page = to_html(document(FOUND), tmp_path)
    assert page.count("data:image/svg+xml;base64,") == len(names) == 6
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page
    assert all((tmp_path / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in names)


def test_equal_experiments_have_equal_plots(tmp_path):
    write_plots(FOUND, tmp_path / "a")
    write_plots(FOUND, tmp_path / "b")
    for path in (tmp_path / "a" / "plots").glob("*.svg"):
        assert path.read_bytes() == (tmp_path / "b" / "plots" / path.name).read_bytes()


@pytest.mark.parametrize("cases", [CASES[:2], CASES[2:], CASES[:1]], ids=["tumors only", "normals only", "one"])
def test_a_lopsided_set_of_cases_has_a_report_too(tmp_path, cases):
    found = experiment(setting(), cases)
    write_plots(found, tmp_path)
    write_experiment(found, tmp_path / "experiment.json")
    assert "## Table 1" in to_markdown(document(found))


def test_evaluation_loads_without_the_packages_of_its_extra():
    code = (
        "import sys\n"
        "for name in ('sklearn', 'matplotlib', 'picai_eval', 'surface_distance'): sys.modules[name] = None\n"
        "import PDACScreeningLib.evaluation.experiment, PDACScreeningLib.evaluation.plots\n"
        "import PDACScreeningLib.evaluation.gallery, PDACScreeningLib.evaluation.report_document\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
