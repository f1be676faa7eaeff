"""The layouts of MSD, NIH and PANORAMA, copied small, with what is wrong in the real ones."""

import json

import numpy as np
import pytest
from dataset_trees import gland_in_fat, msd_tree, nih_scan, nih_tree, panorama_tree, write
from panorama_labels import FOLDER as REAL_PANORAMA

from PDACScreeningLib.datasets.msd_pancreas import msd_pancreas
from PDACScreeningLib.datasets.nih_pancreas_ct import nih_pancreas_ct
from PDACScreeningLib.datasets.panorama import LABELS as PANORAMA_LABELS
from PDACScreeningLib.datasets.panorama import panorama
from PDACScreeningLib.datasets.source import recognized
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.volume.label_map import Label


def names(dataset):
    return [case.case_id for case in dataset.cases]


def test_msd_pairs_images_with_label_maps_and_skips_resource_forks(tmp_path):
    dataset = msd_pancreas(msd_tree(tmp_path))
    assert names(dataset) == ["msd-pancreas_001", "msd-pancreas_004"]
    case = dataset.cases[0]
    assert (case.image.parent.name, case.labels.parent.name) == ("imagesTr", "labelsTr")
    assert (case.patient_id, case.dataset) == ("msd-pancreas_001", "msd")
    assert any("any mass" in trap for trap in dataset.facts.traps)


def test_msd_unpacked_into_a_folder_of_its_own_is_found(tmp_path):
    msd_tree(tmp_path / "Task07_Pancreas" / "Task07_Pancreas")
    assert recognized(tmp_path / "Task07_Pancreas") == "msd"
    assert names(msd_pancreas(tmp_path / "Task07_Pancreas")) == ["msd-pancreas_001", "msd-pancreas_004"]


def test_msd_in_the_form_of_nnunet_has_the_same_names(tmp_path):
    msd_tree(tmp_path)
    for image in sorted((tmp_path / "imagesTr").glob("p*.nii.gz")):
        image.rename(image.with_name(image.name.replace(".nii.gz", "_0000.nii.gz")))
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "pancreas": 1, "tumor": 2}}')
    assert names(msd_pancreas(tmp_path)) == ["msd-pancreas_001", "msd-pancreas_004"]


def test_msd_tells_what_has_no_partner(tmp_path):
    msd_tree(tmp_path)
    (tmp_path / "imagesTr" / "pancreas_004.nii.gz").unlink()
    write(tmp_path / "imagesTr" / "pancreas_009.nii.gz", gland_in_fat()[0])
    dataset = msd_pancreas(tmp_path)
    assert names(dataset) == ["msd-pancreas_001"]
    assert "pancreas_009" in dataset.notes[0]
    assert "pancreas_004" in dataset.notes[1]


@pytest.mark.parametrize("labels", [{"0": "background", "1": "liver", "2": "cancer"}, {"1": "pancreas", "2": "vein"}])
def test_another_task_of_the_decathlon_is_not_taken_for_the_pancreas(tmp_path, labels):
    msd_tree(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    with pytest.raises(DataError, match="not Task07"):
        msd_pancreas(tmp_path)


@pytest.mark.parametrize("name", ["PDAC", "pancreatic_mass", "Tumor"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_other_words_for_the_tumor_and_a_byte_order_mark_are_no_fault(tmp_path, name, mark):
    msd_tree(tmp_path)
    text = mark + json.dumps({"labels": {"background": 0, "pancreas": 1, name: 2}})
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    assert len(msd_pancreas(tmp_path).cases) == 2


def test_a_dataset_json_that_cannot_be_read_is_told(tmp_path):
    msd_tree(tmp_path)
    (tmp_path / "dataset.json").write_text('{"labels": ["pancreas"]}')
    with pytest.raises(DataError, match=r"dataset\.json cannot be read"):
        msd_pancreas(tmp_path)


def test_nih_finds_the_series_of_each_case_and_its_label_map(tmp_path):
    dataset = nih_pancreas_ct(nih_tree(tmp_path, (2, 1)))
    assert names(dataset) == ["nih-PANCREAS_0001", "nih-PANCREAS_0002"]
    assert dataset.cases[0].image.name == "PANCREAS_0001"
    assert dataset.cases[1].labels.name == "label0002.nii.gz"
    assert dataset.cases[0].position_may_differ


def test_nih_leaves_the_withdrawn_cases_out_where_an_old_copy_has_them(tmp_path):
    dataset = nih_pancreas_ct(nih_tree(tmp_path, (2, 25, 70)))
    assert names(dataset) == ["nih-PANCREAS_0002"]
    assert "0025, 0070 left out: withdrawn" in dataset.notes[0]


def test_the_label_maps_of_withdrawn_cases_are_no_reason_to_worry(tmp_path):
    nih_tree(tmp_path, (1,))
    labels = tmp_path / "TCIA_pancreas_labels-02-05-2017"
    for number in (25, 70):
        write(labels / f"label{number:04d}.nii.gz", gland_in_fat()[1])
    assert nih_pancreas_ct(tmp_path).notes == ()


def test_nih_label_maps_may_lie_elsewhere(tmp_path):
    nih_tree(tmp_path / "scans", (1, 3))
    (tmp_path / "scans" / "TCIA_pancreas_labels-02-05-2017").rename(tmp_path / "maps")
    with pytest.raises(DataError, match="--labels"):
        nih_pancreas_ct(tmp_path / "scans")
    (tmp_path / "maps" / "label0003.nii.gz").unlink()
    dataset = nih_pancreas_ct(tmp_path / "scans", tmp_path / "maps")
    assert names(dataset) == ["nih-PANCREAS_0001"]
    assert "0003 left out: no label map" in dataset.notes[0]


def test_a_case_of_two_downloads_is_refused(tmp_path):
    nih_tree(tmp_path, (1,))
    nih_scan(tmp_path / "DOI", 1, gland_in_fat()[0])
    with pytest.raises(DataError, match="are the same case"):
        nih_pancreas_ct(tmp_path)


def test_panorama_takes_the_patient_from_the_name(tmp_path):
    dataset = panorama(panorama_tree(tmp_path))
    assert [(case.case_id, case.patient_id) for case in dataset.cases] == [
        ("panorama-100001_00001", "panorama-100001"),
        ("panorama-100001_00002", "panorama-100001"),
        ("panorama-100002_00001", "panorama-100002"),
    ]


def test_panorama_prefers_the_manual_label_map(tmp_path):
    panorama_tree(tmp_path)
    maps = tmp_path / "panorama_labels"
    write(maps / "automatic_labels" / "100001_00001.nii.gz", gland_in_fat()[1])
    assert panorama(tmp_path).cases[0].labels.parent.name == "manual_labels"


def test_panorama_counts_what_other_batches_would_bring(tmp_path):
    panorama_tree(tmp_path)
    (tmp_path / "batch_2" / "100001_00002_0000.nii.gz").unlink()
    write(tmp_path / "batch_2" / "100009_00001_0000.nii.gz", gland_in_fat()[0])
    dataset = panorama(tmp_path)
    assert len(dataset.cases) == 2
    assert "1 scans without a label map" in dataset.notes[0]
    assert "1 of 3 label maps have no scan" in dataset.notes[1]


def test_a_batch_that_is_there_twice_is_refused(tmp_path):
    panorama_tree(tmp_path)
    write(tmp_path / "copy" / "100001_00001_0000.nii.gz", gland_in_fat()[0])
    with pytest.raises(DataError, match="same study"):
        panorama(tmp_path)


@pytest.mark.parametrize("opens", [msd_pancreas, nih_pancreas_ct, panorama])
def test_an_empty_folder_is_told_what_it_should_hold(tmp_path, opens):
    with pytest.raises(DataError, match="holds no"):
        opens(tmp_path)


def test_real_panorama_label_maps_become_background_pancreas_and_tumor():
    if not REAL_PANORAMA.exists():
        pytest.skip("../shared/data/panorama_labels_CC-BY-NC is absent")
    for study in ("100733_00001", "100498_00001"):  # stored as uint16 and as float64
        read = read_label_map(REAL_PANORAMA / "original" / f"{study}.nii.gz", PANORAMA_LABELS)
        adapted = read_label_map(REAL_PANORAMA / "crop012" / f"{study}_012.nii.gz")
        for label in (Label.PANCREAS, Label.TUMOR):
            assert read.count(label) == np.count_nonzero(adapted.labels == label) > 0
