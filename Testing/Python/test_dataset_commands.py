"""`prepare` and `split`, as they are typed."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from dataset_trees import GEOMETRY, gland_in_fat, msd_tree, nih_tree, panorama_tree, write

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.datasets.source import recognized
from PDACScreeningLib.datasets.split import read_split
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.store_index import read_index

GRID = ("--working-spacing-mm", "3")


def prepare(*arguments):
    return main(["prepare", *map(str, arguments), *GRID])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """MSD, NIH and PANORAMA in one store; their label maps lie in places of their own."""
    folder = tmp_path_factory.mktemp("downloads")
    msd_tree(folder / "Task07_Pancreas")
    nih_tree(folder / "nih", (1, 2, 3))
    panorama_tree(folder / "panorama")
    (folder / "panorama" / "panorama_labels").rename(folder / "panorama_labels")
    sources = (f"msd={folder / 'Task07_Pancreas'}", folder / "nih", folder / "panorama")
    assert prepare(*sources, "--labels", f"panorama={folder / 'panorama_labels'}", "--output", folder / "store") == 0
    return folder / "store"


def test_several_data_sets_make_one_store_which_tells_their_licenses(store):
    index = read_index(store)
    assert [case.dataset for case in index.cases] == ["msd"] * 2 + ["nih"] * 3 + ["panorama"] * 3
    assert [facts.name for facts in index.datasets] == ["msd", "nih", "panorama"]
    assert "CC BY-NC 4.0" in index.datasets[2].license


def test_the_split_of_a_store_keeps_the_studies_of_a_patient_together(store, tmp_path, capsys):
    assert main(["split", str(store), "--folds", "3", "--output", str(tmp_path / "split.json")]) == 0
    split = read_split(tmp_path / "split.json")
    tested = [patient for fold in split.folds for patient in fold]
    assert sorted(tested) == ["msd-pancreas_001", "msd-pancreas_004", "panorama-100001"]
    assert len(split.always_train) == len(split.always_test) == 2
    said = capsys.readouterr().out
    assert "8 cases of 7 patients" in said
    assert "fold 0: trains on 2 patients with a tumor and 2 without, tests 1 and 2" in said
    for fold in range(3):
        CaseStore(store, split.train_patients(fold))  # every patient of the split is in the store


def test_a_plain_split_tests_a_share_of_both_kinds(store, tmp_path):
    assert main(["split", str(store), "--test-fraction", "0.3", "--output", str(tmp_path / "split.json")]) == 0
    split = read_split(tmp_path / "split.json")
    assert split.folds == ((),)
    assert (len(split.always_train), len(split.always_test)) == (5, 2)


@pytest.mark.parametrize("wish", [("--folds", "4"), ("--folds", "1"), ("--test-fraction", "1")])
def test_a_split_that_cannot_be_is_a_mistake_of_usage(store, tmp_path, wish):
    assert main(["split", str(store), *wish, "--output", str(tmp_path / "split.json")]) == 2
    assert not (tmp_path / "split.json").exists()


def test_tumors_from_one_place_and_normals_from_another_are_pointed_out(tmp_path, capsys):
    msd_tree(tmp_path / "msd")
    nih_tree(tmp_path / "nih", (1,))
    assert prepare(tmp_path / "msd", tmp_path / "nih", "--output", tmp_path / "store") == 0
    assert main(["split", str(tmp_path / "store"), "--folds", "2", "--output", str(tmp_path / "split.json")]) == 0
    assert "all tumors come from msd, all cases without from nih" in capsys.readouterr().err


def test_refused_cases_and_traps_are_told(tmp_path, capsys):
    msd_tree(tmp_path / "msd")
    write(tmp_path / "msd" / "labelsTr" / "pancreas_004.nii.gz", 0 * gland_in_fat()[1])
    assert prepare(tmp_path / "msd", "--output", tmp_path / "store", "--progress", "json") == 4
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    notices = [line["message"] for line in said if line["event"] == "notice"]
    assert any("Label 2 is any mass" in notice for notice in notices)
    assert any("refused msd-pancreas_004: " in notice for notice in notices)
    assert {key: said[-1][key] for key in ("stored", "refused", "with_tumor")} == {
        "stored": 1,
        "refused": 1,
        "with_tumor": 1,
    }


@pytest.mark.parametrize(
    "command",
    [
        ("prepare", "msd", "--output", "file"),
        ("split", "file", "--output", "split.json"),
        ("train", "file", "--patch-size", "16", "--output", "run"),
        ("train", "store", "--patch-size", "16", "--output", "file"),
        ("publish", "run", "--name", "a", "--trained-on", "b", "--output", "file"),
        ("publish", "run", "--name", " ", "--trained-on", "b", "--output", "model"),
        ("publish", "run", "--name", "a", "--trained-on", "", "--output", "model"),
        ("evaluate", "file", "--model", "demo-phantom", "--output", "evaluation"),
        ("evaluate", "store", "--model", "demo-phantom", "--output", "file"),
    ],
    ids=" ".join,
)
def test_a_file_where_a_folder_belongs_and_words_that_say_nothing_are_told(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    msd_tree(tmp_path / "msd")
    (tmp_path / "file").write_text("precious")
    try:
        code = main([*command])
    except SystemExit as stopped:
        code = stopped.code
    told = capsys.readouterr().err
    assert code in (2, 5)
    assert "file" in told or "expected words" in told
    assert "unexpected" not in told
    assert (tmp_path / "file").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"msd", "file"}


def test_own_numbers_and_mirrored_label_maps_can_be_told(tmp_path):
    hu, labels = gland_in_fat(tumor=True)
    write(tmp_path / "a.nii.gz", hu)
    write(tmp_path / "a-labels.nii.gz", np.choose(labels, (3, 7, 8)).astype(np.uint8)[::-1].copy())
    (tmp_path / "cases.csv").write_text("image,labels,patient_id\na.nii.gz,a-labels.nii.gz,P1\n")
    options = ("--label-mapping", "7=pancreas,8=tumor,rest=background", "--mirrored-labels", "head-foot")
    assert prepare(tmp_path / "cases.csv", *options, "--output", tmp_path / "store") == 0
    case = CaseStore(tmp_path / "store").cases[0]
    assert np.array_equal(case.labels, labels)
    assert case.facts.patient_id == "P1"


def test_a_label_map_that_its_header_places_elsewhere_is_taken_voxel_by_voxel_when_asked(tmp_path, capsys):
    hu, labels = gland_in_fat(tumor=True)
    write(tmp_path / "a.nii.gz", hu)
    write(tmp_path / "l.nii.gz", labels, replace(GEOMETRY, origin_mm=(0.0, 0.0, 0.0)))
    (tmp_path / "cases.csv").write_text("image,labels\na.nii.gz,l.nii.gz\n")
    assert prepare(tmp_path / "cases.csv", "--output", tmp_path / "refused") == 5
    assert "from (0, 0, 0) on" in capsys.readouterr().err
    options = ("--labels-by-voxel", "csv", "--output", tmp_path / "store")
    assert prepare(tmp_path / "cases.csv", *options) == 0
    assert np.array_equal(CaseStore(tmp_path / "store").cases[0].labels, labels)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "does not exist"),
        (("msd=nowhere",), "does not exist"),
        (("empty",), "no layout that is known here"),
        (("both",), "write msd=.* or nih="),
        (("msd", "--labels", "empty"), "--labels is for nih, panorama, pants"),
        (("msd", "--label-mapping", "1=tumor"), "--label-mapping is for csv"),
        (("msd", "nih", "--label-mapping", "1=tumor"), "--label-mapping is for csv"),
        (("msd", "nih", "--labels", "empty"), "several sources"),
        (("msd", "--mirrored-labels", "nih=left-right"), "no source is nih; the sources are msd"),
        (("msd", "--labels-by-voxel", "csv"), "no source is csv; the sources are msd"),
        (("nih", "--labels", "empty", "--labels", "nih=nih"), "--labels is given twice for nih"),
    ],
)
def test_what_is_not_clear_is_asked_before_anything_is_written(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    msd_tree(tmp_path / "msd")
    nih_tree(tmp_path / "nih", (1,))
    msd_tree(nih_tree(tmp_path / "both", (1,)))
    (tmp_path / "empty").mkdir()
    assert prepare(*arguments, "--output", "store") == 2
    assert not (tmp_path / "store").exists()
    assert re.search(told, capsys.readouterr().err)


@pytest.mark.parametrize(
    "options",
    [
        ("--label-mapping", "7"),
        ("--label-mapping", "7=liver"),
        ("--label-mapping", "7=tumor,07=pancreas"),
        ("--label-mapping", "70000=tumor"),
        ("--mirrored-labels", "up-down"),
    ],
)
def test_options_that_mean_nothing_are_refused_by_the_parser(tmp_path, options):
    with pytest.raises(SystemExit, match="2"):
        prepare("cohort", *options, "--output", tmp_path / "store")


def test_a_folder_may_have_an_equals_sign_in_its_name(tmp_path):
    folder = msd_tree(tmp_path / "task=07")
    assert recognized(folder) == "msd"
    assert prepare(folder, "--output", tmp_path / "store") == 0
