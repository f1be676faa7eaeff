"""PanTS: every trap of its folders, on a small tree."""

import shutil
import zipfile

import numpy as np
import pytest
from dataset_trees import gland_in_fat, msd_tree, nih_tree
from pants_tree import (
    CYST_REPORT,
    ONE,
    PDAC_REPORT,
    add_case,
    case_name,
    pants_tree,
    write_masks,
    write_metadata,
    write_oriented,
    write_xlsx,
)

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.datasets.binary_masks import read_binary_masks
from PDACScreeningLib.datasets.msd_pancreas import msd_pancreas
from PDACScreeningLib.datasets.nih_pancreas_ct import nih_pancreas_ct
from PDACScreeningLib.datasets.pants import MASKS, OTHER_LESION, PDAC, pants, says_pdac
from PDACScreeningLib.datasets.source import recognized
from PDACScreeningLib.datasets.spreadsheet import read_sheet
from PDACScreeningLib.errors import DataError, GeometryMismatch, InputRejected
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.preparation import prepare
from PDACScreeningLib.volume.label_map import Label

SPACING_MM = 3.0


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return pants_tree(tmp_path_factory.mktemp("pants"))


@pytest.fixture(scope="module")
def index(tree, tmp_path_factory):
    return prepare([pants(tree)], tmp_path_factory.mktemp("store") / "store", SPACING_MM)


def refusal(index, number):
    return {case.case_id: case.reason for case in index.refused}[f"pants-{case_name(number)}"]


def test_the_layout_is_recognized(tree):
    assert recognized(tree) == "pants"
    assert recognized(tree / "ImageTr") == "pants"


def test_masks_in_any_order_of_axes_become_the_labels_of_their_scan(tree, tmp_path):
    prepare([pants(tree)], tmp_path / "store", SPACING_MM)
    for case, (seed, tumor) in zip(
        CaseStore(tmp_path / "store").cases, ((301, False), (302, True), (303, True)), strict=True
    ):
        hu, labels = gland_in_fat(seed, tumor=tumor)
        assert np.array_equal(case.hu, hu)
        assert np.array_equal(case.labels, labels)  # lesion over pancreas, where the masks overlap


def test_a_lesion_file_without_a_voxel_is_a_normal_and_one_that_is_not_there_is_nothing(index):
    assert [case.tumor_voxels > 0 for case in index.cases] == [False, True, True]
    assert "has no pancreatic_lesion.nii.gz: without it nobody knows" in refusal(index, 4)


def test_a_case_whose_table_contradicts_its_mask_is_refused(index):
    assert "the data set says that the case has a tumor, its label map shows none" in refusal(index, 5)


def test_the_test_set_is_never_taken(tree, index):
    dataset = pants(tree)
    assert not any("00009001" in case.case_id for case in dataset.cases)
    assert any("1 cases of the test set (from PanTS_00009001 on) were left out" in note for note in dataset.notes)
    with pytest.raises(DataError, match="none of the 0 cases"):
        prepare([pants(tree / "ImageTe", tree / "LabelTe")], tree.parent / "test-store", SPACING_MM)
    assert not any("00009001" in case.case_id for case in index.cases)


def test_scans_without_masks_are_told(tree):
    assert any("1 scans without masks were left out, such as PanTS_00000006" in note for note in pants(tree).notes)


def test_the_table_says_phase_and_which_lesions_are_pdac(index):
    traits = {case.case_id[-8:]: case.traits for case in index.cases}
    assert traits == {
        "00000001": ("phase: venous",),
        "00000002": ("phase: venous", PDAC),
        "00000003": ("phase: arterial", OTHER_LESION),
    }


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (PDAC_REPORT, True),
        (CYST_REPORT, False),
        ("Known pancreatic adenocarcinoma, stable.", True),
        ("Without signs of PDAC. IPMN.", False),
        ("No PDAC in the tail. Ductal adenocarcinoma of the head.", True),
        ("Neuroendocrine tumor.", False),
        ("", False),
    ],
)
def test_a_report_calls_a_lesion_pdac_unless_it_denies_it(report, expected):
    assert says_pdac(report) is expected


def test_without_the_table_nothing_is_said_and_nothing_compared(tree, tmp_path):
    dataset = pants(tree / "ImageTr", tree / "LabelTr")
    assert any("metadata.xlsx is not there" in note for note in dataset.notes)
    index = prepare([dataset], tmp_path / "store", SPACING_MM)
    assert [case.case_id[-1] for case in index.cases] == ["1", "2", "3", "5"]
    assert all(case.traits == () for case in index.cases)


def test_labels_are_found_as_they_lie_in_their_archive(tree, tmp_path):
    for folder in (tree / "LabelTr").iterdir():
        shutil.copytree(folder, tmp_path / "flat" / folder.name)
    assert [case.case_id for case in pants(tree, tmp_path / "flat").cases] == [
        case.case_id for case in pants(tree).cases
    ]


def test_the_same_case_twice_is_refused(tree, tmp_path):
    shutil.copytree(tree / "ImageTr" / case_name(1), tmp_path / "again" / case_name(1))
    shutil.copytree(tree / "ImageTr" / case_name(1), tmp_path / "more" / case_name(1))
    with pytest.raises(DataError, match="are the same case"):
        pants(tmp_path, tree)


def test_cases_of_msd_and_nih_inside_are_found_by_their_voxels(tmp_path):
    add_case(tmp_path / "pants", 7, seed=0, tumor=True, axes="IPL")  # of msd pancreas_001
    add_case(tmp_path / "pants", 8, seed=101, tumor=False, axes="RAS")  # of nih 1
    add_case(tmp_path / "pants", 9, seed=400, tumor=False)
    first = [msd_pancreas(msd_tree(tmp_path / "msd")), nih_pancreas_ct(nih_tree(tmp_path / "nih"))]
    index = prepare([*first, pants(tmp_path / "pants")], tmp_path / "store", SPACING_MM)
    assert "same scan as msd-pancreas_001" in refusal(index, 7)
    assert "same scan as nih-PANCREAS_0001" in refusal(index, 8)
    assert all(case.is_duplicate for case in index.refused)
    assert [case.case_id for case in index.cases if case.dataset == "pants"] == ["pants-PanTS_00000009"]


def test_a_mask_that_changed_prepares_its_case_anew(tmp_path):
    root = tmp_path / "pants"
    add_case(root, 1, seed=1, tumor=True)
    add_case(root, 2, seed=2, tumor=False)
    before = prepare([pants(root)], tmp_path / "store", SPACING_MM)
    write_masks(root / "LabelTr" / case_name(1), gland_in_fat(1)[1], "LPS")
    after = prepare([pants(root)], tmp_path / "store", SPACING_MM)
    assert (before.cases[0].tumor_voxels > 0, after.cases[0].tumor_voxels) == (True, 0)
    assert before.cases[1] == after.cases[1]


def test_the_command_reads_it(tree, tmp_path):
    assert main(["prepare", f"pants={tree}", "--working-spacing-mm", "3", "--output", str(tmp_path / "store")]) == 4
    assert len(CaseStore(tmp_path / "store").cases) == 3


def test_a_folder_without_scans_or_masks_is_told(tree, tmp_path):
    with pytest.raises(DataError, match="holds no PanTS_00000001/ct.nii.gz"):
        pants(tmp_path)
    with pytest.raises(DataError, match="run the download script for the labels"):
        pants(tree / "ImageTr")


# ---- masks -------------------------------------------------------------------------------------------------------


def test_a_mask_of_another_grid_a_damaged_one_and_an_undefined_one_are_refused(tmp_path):
    _, labels = gland_in_fat(1, tumor=True)
    write_masks(tmp_path, labels, "LPS")
    folder = tmp_path / "segmentations"
    assert read_binary_masks(folder, MASKS).count(Label.TUMOR) == np.count_nonzero(labels == 2)
    write_oriented(folder / "pancreatic_lesion.nii.gz", (labels == 2)[:-1] * ONE, "LPS")
    with pytest.raises(GeometryMismatch, match="48 x 44 x 35"):
        read_binary_masks(folder, MASKS)
    write_oriented(folder / "pancreatic_lesion.nii.gz", np.where(labels == 2, np.nan, 0.0), "LPS")
    with pytest.raises(InputRejected, match="undefined"):
        read_binary_masks(folder, MASKS)
    (folder / "pancreatic_lesion.nii.gz").write_bytes(b"")
    with pytest.raises(InputRejected, match="empty"):
        read_binary_masks(folder, MASKS)


# ---- metadata.xlsx -----------------------------------------------------------------------------------------------


def test_a_sheet_is_read_by_the_names_of_its_columns(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", [("PanTS ID", "age", "note"), ("x", 61, "a & b"), ("y", "", "<c>")])
    assert read_sheet(path) == ({"PanTS ID": "x", "age": "61", "note": "a & b"}, {"PanTS ID": "y", "note": "<c>"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a zip", "cannot be read as an .xlsx"),
        ({"a": "b"}, "cannot be read as an .xlsx"),
        ({"xl/worksheets/sheet1.xml": "<worksheet>"}, "a sheet that cannot be read"),
        ({"xl/worksheets/sheet1.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"}, "defines entities"),
    ],
)
def test_a_table_that_is_none_is_told_in_words(tmp_path, content, words):
    path = tmp_path / "metadata.xlsx"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    with pytest.raises(DataError, match=words):
        read_sheet(path)


def test_a_table_of_something_else_is_told(tmp_path):
    add_case(tmp_path, 1, seed=1, tumor=False)
    write_xlsx(tmp_path / "metadata.xlsx", [("name", "age"), ("x", 1)])
    with pytest.raises(DataError, match="no column 'PanTS ID'"):
        pants(tmp_path)
    write_metadata(tmp_path / "metadata.xlsx", [(77, "Venous", 0, "")])
    assert any("does not name 1 cases" in note for note in pants(tmp_path).notes)
